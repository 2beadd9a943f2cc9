// Two npm bittorrent-protocol wires with lt_donthave, joined by a WebRTC data channel on loopback; what happens is in
// wire_end.mjs. WebRTC is werift's, both ends in this process.
//
//   node webrtc_wires.mjs [--fast] [--both] [--absent] [--linger SECONDS] [--other-extensions N] [--cut BYTES]
//                         [--block BYTES] [--channels N] [--times N] [--address A] [--connect-address A] [--port P]
//                         [--connect-port P] [--through ADDRESS:PORT]
//
// The options of wires.mjs, and
//
//   --cut BYTES     messages of the channel are that long, whatever the messages of BitTorrent in them
//   --block BYTES   blocks are that long
//   --channels N    as many channels in the one connection, each with two wires, all at the same time
//   --times N       one connection after another; with both ports given, all have the same
//   --through       the connecting end sends to a relay there, which must know where the listening end is
//
// Prints one JSON line per event, each with `client` (who saw it), its address, `peer` (the other end), and `stream`
// (the SCTP stream). Run it with --import webrtc-keylog.mjs to have the keys.

import { parseArgs } from 'node:util'
import { join } from './channel_wire.mjs'
import { onlyAt, peerOf, RTCPeerConnection } from './werift_loopback.mjs'
import { End, play, settle } from './wire_end.mjs'

const TIME_LIMIT = 60_000
const NOBODY = '127.0.0.1:9'

const { values: options } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    linger: { type: 'string', default: '0' },
    absent: { type: 'boolean', default: false },
    both: { type: 'boolean', default: false },
    'other-extensions': { type: 'string', default: '0' },
    block: { type: 'string', default: '16384' },
    cut: { type: 'string', default: '0' },
    channels: { type: 'string', default: '1' },
    times: { type: 'string', default: '1' },
    address: { type: 'string', default: '127.0.0.1' },
    'connect-address': { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'connect-port': { type: 'string', default: '0' },
    through: { type: 'string' }
  }
})

const emit = (event, values) => console.log(JSON.stringify({ event, ...values }))

/** The description with its candidates at another place. */
function movedTo (place, description) {
  const [address, port] = place.split(':')
  const sdp = description.sdp.replace(/^(a=candidate:(?:\S+ ){4})\S+ \d+/gm, (_, before) => `${before}${address} ${port}`)
  return { type: description.type, sdp }
}

/** Its description, with all candidates in it. */
async function described (connection, description) {
  await connection.setLocalDescription(description)
  return connection.localDescription
}

/**
 * Signalling within one process. With a relay, the connecting end knows of that alone, and the listening end of none
 * until the first packet comes; but werift gives up without a candidate, so it gets one where nobody is.
 */
async function connect (connecting, listening) {
  const offer = await described(connecting, await connecting.createOffer())
  await listening.setRemoteDescription(options.through ? movedTo(NOBODY, offer) : offer)
  const answer = await described(listening, await listening.createAnswer())
  await connecting.setRemoteDescription(options.through ? movedTo(options.through, answer) : answer)
}

function endOf (name, connection, channel, address, extensionsBefore) {
  const identity = { client: name, address, peer: peerOf(connection), stream: channel.id }
  const { fast, absent } = options
  const block = Number(options.block)
  const log = (event, values) => emit(event, { ...identity, ...values })
  const end = new End(name, log, { fast, absent, extensionsBefore, block, type: 'webrtc' })
  join(end.wire, channel, Number(options.cut))
  return end
}

const opened = channel => new Promise(resolve => {
  if (channel.readyState === 'open') resolve()
  else channel.onopen = resolve
})

async function playOnce () {
  const connecting = new RTCPeerConnection(onlyAt(options['connect-address'], Number(options['connect-port'])))
  const listening = new RTCPeerConnection(onlyAt(options.address, Number(options.port)))
  const ours = Array.from({ length: Number(options.channels) }, (_, i) => connecting.createDataChannel(`wire ${i}`))
  const theirs = new Map()
  const allThere = new Promise(resolve => {
    listening.ondatachannel = ({ channel }) => {
      // from now on, or its first message would be lost
      theirs.set(channel.label, endOf('listening', listening, channel, options.address, 0))
      if (theirs.size === ours.length) resolve()
    }
  })
  await connect(connecting, listening)
  const ends = await Promise.all(ours.map(async channel => {
    await opened(channel)
    return endOf('connecting', connecting, channel, options['connect-address'], Number(options['other-extensions']))
  }))
  await allThere
  await Promise.all(ends.map((end, i) => play(end, theirs.get(ours[i].label), options)))
  await settle(options.linger * 1000)
  for (const end of [...ends, ...theirs.values()]) end.wire.destroy()
  await settle()
  await Promise.all([connecting.close(), listening.close()])
}

const timeLimit = setTimeout(() => {
  emit('error', { raw: 'time limit' })
  process.exit(1)
}, TIME_LIMIT)
process.on('SIGTERM', () => process.exit(0))
emit('listening', { address: options.address })
for (let i = 0; i < Number(options.times); i++) await playOnce()
clearTimeout(timeLimit)
emit('done', { reason: 'complete' })
process.exit() // werift leaves timers behind
