// Two npm bittorrent-protocol wires with lt_donthave, joined by a WebRTC data channel on loopback; what happens is in
// wire_end.mjs. WebRTC is werift's, both ends in this process.
//
//   node webrtc_wires.mjs [--fast] [--both] [--absent] [--linger SECONDS] [--other-extensions N] [--cut BYTES]
//                         [--channels N] [--times N] [--address A] [--connect-address A] [--port P]
//                         [--connect-port P] [--through ADDRESS:PORT]
//
// The options of wires.mjs, and
//
//   --cut BYTES     messages of the channel are that long, whatever the messages of BitTorrent in them
//   --channels N    as many channels in the one connection, each with two wires, all at the same time
//   --times N       one connection after another; with both ports given, all have the same
//   --through       the connecting end sends to a relay there, which must know where the listening end is
//
// Prints one JSON line per event, each with `client` (who saw it), its address, `peer` (the other end), and `stream` (the
// SCTP stream). Run it with --import webrtc-keylog.mjs to have the keys.

import { parseArgs } from 'node:util'
import { RTCPeerConnection } from 'werift'
import { join } from './channel_wire.mjs'
import { End, play, settle } from './wire_end.mjs'

const TIME_LIMIT = 60_000

const { values: options } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    linger: { type: 'string', default: '0' },
    absent: { type: 'boolean', default: false },
    both: { type: 'boolean', default: false },
    'other-extensions': { type: 'string', default: '0' },
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

function peerConnection (address, port) {
  return new RTCPeerConnection({
    iceServers: [],
    iceUseIpv6: false,
    iceInterfaceAddresses: { udp4: address },
    iceAdditionalHostAddresses: [address], // werift leaves loopback out
    icePortRange: port ? [port, port] : undefined
  })
}

/** The description with other candidates: none, or one at another place. */
function withCandidate (description, place) {
  const [address, port] = place?.split(':') ?? []
  const lines = description.sdp.split('\r\n').flatMap(line => {
    if (!line.startsWith('a=candidate:')) return [line]
    const fields = line.split(' ')
    fields.splice(4, 2, address, port)
    return place ? [fields.join(' ')] : []
  })
  return { type: description.type, sdp: lines.join('\r\n') }
}

/** Description and answer, each with all candidates in it: signalling within one process. */
async function connect (connecting, listening) {
  await connecting.setLocalDescription(await connecting.createOffer())
  const offer = connecting.localDescription
  await listening.setRemoteDescription(options.through ? withCandidate(offer) : offer)
  await listening.setLocalDescription(await listening.createAnswer())
  const answer = listening.localDescription
  await connecting.setRemoteDescription(options.through ? withCandidate(answer, options.through) : answer)
}

/** Own address, and address and port of the other end, as the packets have them. */
function endpoints (connection) {
  const { localCandidate, remoteAddr } = connection.iceTransports[0].connection.nominated
  return { address: localCandidate.host, peer: remoteAddr.join(':') }
}

function endOf (name, connection, channel, extensionsBefore) {
  const identity = { client: name, ...endpoints(connection), stream: channel.id }
  const { fast, absent } = options
  const log = (event, values) => emit(event, { ...identity, ...values })
  const end = new End(name, log, { fast, absent, extensionsBefore, type: 'webrtc' })
  join(end.wire, channel, Number(options.cut))
  return end
}

const opened = channel => new Promise(resolve => {
  if (channel.readyState === 'open') resolve()
  else channel.onopen = resolve
})

async function playOnce () {
  const connecting = peerConnection(options['connect-address'], Number(options['connect-port']))
  const listening = peerConnection(options.address, Number(options.port))
  const ours = Array.from({ length: Number(options.channels) }, (_, i) => connecting.createDataChannel(`wire ${i}`))
  const theirs = new Map()
  const allThere = new Promise(resolve => {
    listening.ondatachannel = ({ channel }) => {
      // from now on, or its first message would be lost
      theirs.set(channel.label, endOf('listening', listening, channel, 0))
      if (theirs.size === ours.length) resolve()
    }
  })
  await connect(connecting, listening)
  const ends = await Promise.all(ours.map(async channel => {
    await opened(channel)
    return endOf('connecting', connecting, channel, Number(options['other-extensions']))
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
