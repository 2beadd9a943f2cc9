// The script of a page: two npm bittorrent-protocol wires with lt_donthave, joined by the WebRTC data channel of a
// browser; what happens is in wire_end.mjs. firefox_peers.py bundles it, serves it, and prints what it reports.
//
// The options of webrtc_wires.mjs that make sense here come in the page's query: fast, both, absent, block, cut,
// channels, other-extensions.

import { join } from './channel_wire.mjs'
import { End, play, settle } from './wire_end.mjs'

const query = new URLSearchParams(location.search)
const number = name => Number(query.get(name) ?? 0)
const options = { fast: query.has('fast'), both: query.has('both'), absent: query.has('absent') }
const block = number('block') || undefined

let reported = Promise.resolve()

/** Reports reach the server one after another, in the order of the events. */
function emit (event, values) {
  const body = JSON.stringify({ event, ...values })
  reported = reported.then(() => fetch('/event', { method: 'POST', body }))
}

/** Own address, and address and port of the other end, as the packets have them. */
async function endpoints (connection) {
  const stats = await connection.getStats()
  const pair = [...stats.values()].find(({ type, selected }) => type === 'candidate-pair' && selected)
  const [local, remote] = [pair.localCandidateId, pair.remoteCandidateId].map(id => stats.get(id))
  return { address: local.address, peer: `${remote.address}:${remote.port}` }
}

/** Description and answer, and the candidates as they come. */
async function connect (connecting, listening) {
  connecting.onicecandidate = ({ candidate }) => listening.addIceCandidate(candidate)
  listening.onicecandidate = ({ candidate }) => connecting.addIceCandidate(candidate)
  const offer = await connecting.createOffer()
  const local = connecting.setLocalDescription(offer)
  await listening.setRemoteDescription(offer)
  const answer = await listening.createAnswer()
  await local
  await Promise.all([listening.setLocalDescription(answer), connecting.setRemoteDescription(answer)])
}

/** The wire is joined at once: what the channel gets before is lost. Its log waits until its address is known. */
function endOf (name, connection, channel, extensionsBefore = 0) {
  const early = []
  let log = (...event) => early.push(event)
  const end = new End(name, (...event) => log(...event), { ...options, extensionsBefore, block, type: 'webrtc' })
  join(end.wire, channel, number('cut'))
  end.identified = endpoints(connection).then(ends => {
    const identity = { client: name, ...ends, stream: channel.id }
    log = (event, values) => emit(event, { ...identity, ...values })
    for (const event of early) log(...event)
  })
  return end
}

const opened = channel => new Promise(resolve => { channel.onopen = resolve })

async function main () {
  const [connecting, listening] = [new RTCPeerConnection(), new RTCPeerConnection()]
  const ours = Array.from({ length: number('channels') || 1 }, (_, i) => connecting.createDataChannel(`wire ${i}`))
  const theirs = new Map()
  const allThere = new Promise(resolve => {
    listening.ondatachannel = ({ channel }) => {
      theirs.set(channel.label, endOf('listening', listening, channel))
      if (theirs.size === ours.length) resolve()
    }
  })
  const allOpen = Promise.all(ours.map(opened))
  await connect(connecting, listening)
  await allOpen
  const ends = ours.map(channel => endOf('connecting', connecting, channel, number('other-extensions')))
  await allThere
  await Promise.all([...ends, ...theirs.values()].map(end => end.identified))
  await Promise.all(ends.map((end, i) => play(end, theirs.get(ours[i].label), options)))
  for (const end of [...ends, ...theirs.values()]) end.wire.destroy()
  await settle()
  connecting.close()
  listening.close()
  emit('done', { reason: 'complete' })
}

window.onerror = (...details) => emit('error', { raw: details.map(String).join(' ') })
window.onunhandledrejection = ({ reason }) => emit('error', { raw: `${reason}\n${reason.stack}` })
emit('version', { version: navigator.userAgent })
main()
