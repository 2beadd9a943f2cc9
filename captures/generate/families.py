"""The families of captures, one module each. Importing this module registers every capture."""

import anomalies
import anomalies_not
import bad_input
import carriers
import encrypted
import framing
import ids
import not_delivered
import stories
import utp_packets
import webrtc_packets

FAMILIES = (ids, framing, carriers, bad_input, stories, utp_packets, not_delivered, anomalies, anomalies_not,
            webrtc_packets, encrypted)
