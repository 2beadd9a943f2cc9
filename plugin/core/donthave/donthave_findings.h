/* donthave_findings.h
 * What can be found wrong around BEP 54, or worth a word.
 *
 * Pure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DONTHAVE_FINDINGS_H
#define DONTHAVE_FINDINGS_H

#include "core/findings.h"

/* X(member, name, severity, group, later, usual, summary). The name is that of the expert item, bt.donthave.expert.NAME.
 * usual: the member that is the usual case, for a second severity of the same name; else itself. */
#define DONTHAVE_FINDINGS(X)                                                                                         \
    X(length, "length", ERROR, MALFORMED, false, length, "The payload of a DontHave is not 4 bytes")                 \
    X(bencoded, "bencoded", WARN, PROTOCOL, false, bencoded, "The payload of a DontHave looks bencoded")             \
    X(out_of_range, "out_of_range", WARN, PROTOCOL, false, out_of_range,                                             \
      "DontHave for a piece that the torrent does not have")                                                         \
    X(redundant, "redundant", NOTE, SEQUENCE, false, redundant,                                                      \
      "DontHave for a piece that its sender had not advertised, or had disowned")                                    \
    X(before_availability, "before_availability", NOTE, SEQUENCE, false, before_availability,                        \
      "DontHave before its sender said what it has")                                                                 \
    X(not_advertised, "not_advertised", WARN, PROTOCOL, false, not_advertised,                                       \
      "DontHave to a peer that did not offer lt_donthave")                                                           \
    X(own_id, "own_id", WARN, PROTOCOL, false, own_id,                                                               \
      "DontHave with the id that its sender advertised, not its receiver")                                           \
    X(disabled, "disabled", WARN, PROTOCOL, false, disabled, "DontHave after its receiver switched lt_donthave off") \
    X(disabled_crossing, "disabled", NOTE, PROTOCOL, false, disabled,                                                \
      "DontHave that crossed the switch-off of lt_donthave")                                                         \
    X(base_message, "base_message", WARN, PROTOCOL, false, base_message,                                             \
      "Base message 18 in place of an extended DontHave")                                                            \
    X(id_assumed, "id_assumed", NOTE, ASSUMPTION, false, id_assumed,                                                 \
      "The id of lt_donthave comes from a preference")                                                               \
    X(invalidated, "invalidated", NOTE, SEQUENCE, false, invalidated, "A DontHave invalidated a request")            \
    X(reject_without_fast, "reject_without_fast", ERROR, PROTOCOL, false, reject_without_fast,                       \
      "Reject Request without the Fast extension")                                                                   \
    X(unrejected, "unrejected", WARN, RESPONSE_CODE, true, unrejected, "An invalidated request was never answered")  \
    X(double_reject, "double_reject", WARN, RESPONSE_CODE, false, double_reject,                                     \
      "A Reject that answers no outstanding request")                                                                \
    X(late_block, "late_block", NOTE, SEQUENCE, false, late_block,                                                   \
      "A block of a disowned piece, requested before the DontHave")                                                  \
    X(late_block_newer, "late_block", WARN, PROTOCOL, false, late_block,                                             \
      "A block of a disowned piece, requested after the DontHave")                                                   \
    X(late_request, "late_request", WARN, SEQUENCE, false, late_request, "A Request for a disowned piece")           \
    X(late_request_crossed, "late_request", CHAT, SEQUENCE, false, late_request,                                     \
      "A Request that crossed the DontHave")                                                                         \
    X(rerequest, "rerequest", WARN, PROTOCOL, false, rerequest, "A block requested again before its Reject")         \
    X(cancel_after, "cancel_after", NOTE, SEQUENCE, false, cancel_after,                                             \
      "Cancel for a request that a DontHave had dropped")                                                            \
    X(reannounced, "reannounced", CHAT, SEQUENCE, false, reannounced, "A disowned piece is announced again")         \
    X(reannounced_often, "reannounced", NOTE, SEQUENCE, false, reannounced,                                          \
      "A piece is disowned and announced again and again")                                                           \
    X(storm, "storm", NOTE, PROTOCOL, false, storm, "More than 64 DontHaves within a second")                        \
    X(contradicts_advice, "contradicts_advice", NOTE, SEQUENCE, false, contradicts_advice,                           \
      "DontHave for a piece that its sender had suggested or allowed")                                               \
    X(closed_after, "closed_after", NOTE, SEQUENCE, true, closed_after,                                              \
      "The receiver of a DontHave closed the connection")                                                            \
    X(shared_id, "shared_id", WARN, PROTOCOL, false, shared_id, "lt_donthave shares its id with another extension")  \
    X(bad_id, "bad_id", WARN, PROTOCOL, false, bad_id, "The id of lt_donthave is not an integer from 0 to 255")      \
    X(bad_handshake, "bad_handshake", ERROR, MALFORMED, false, bad_handshake,                                        \
      "The extension handshake is not a bencoded dictionary")                                                        \
    X(renumbered, "renumbered", NOTE, SEQUENCE, false, renumbered, "A later handshake gives lt_donthave another id") \
    X(look_alike, "look_alike", NOTE, PROTOCOL, false, look_alike, "An extension name that is almost lt_donthave")   \
    X(limit, "limit", NOTE, UNDECODED, false, limit, "A limit of the dissector was reached")

/* One kind for each row. */
struct donthave_findings {
#define X(member, name, severity, group, later, usual, summary) struct finding_kind member;
    DONTHAVE_FINDINGS(X)
#undef X
};

extern const struct donthave_findings donthave_findings;

#endif
