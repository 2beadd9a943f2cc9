/* transport_webrtc.h
 * BitTorrent peers over WebRTC: data channels (RFC 8831), which are SCTP in DTLS in UDP (RFC 8261).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TRANSPORT_WEBRTC_H
#define TRANSPORT_WEBRTC_H

/* Registers the way from DTLS to SCTP, and the heuristics. */
void proto_reg_handoff_bt_peer_webrtc(void);

#endif
