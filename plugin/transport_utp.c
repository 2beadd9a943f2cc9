#include "transport_utp.h"

void
proto_reg_handoff_bt_peer_utp(void)
{
}
