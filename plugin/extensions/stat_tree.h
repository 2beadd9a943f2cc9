/* stat_tree.h
 * The statistics tree of bt.donthave: -z bt.donthave,tree, and Statistics > BitTorrent > DontHave (BEP 54).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef STAT_TREE_H
#define STAT_TREE_H

void donthave_tree_register(void);

#endif
