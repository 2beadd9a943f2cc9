// A WebTorrent leecher that prints what it sees as JSON lines.
//
//   node webtorrent_leecher.mjs --torrent FILE --connect ADDRESS:PORT [--transport tcp|utp] [--secure] [--failures N]
//                               [--quiet SECONDS] [--time-limit SECONDS]
//
// Downloads what the peer has, and ends when it is complete or when nothing has come for a while. After N failed requests
// it asks no more: WebTorrent takes a DontHave of a Have All peer for a passing failure, and would repeat without end.
// With --secure it encrypts (MSE), as it does when nobody asks it not to.
//
// Events, each with its address and peer: request, block, request_failed (with error), donthave, reject; at the start
// version and listening, at the end done, with the reason. Nothing but the given peer is talked to.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { register } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { logReceived, logRequests } from './received.mjs'

// The packages are installed without their scripts, so WebRTC's native module is missing. WebTorrent asks whether there
// is WebRTC, but imports it first.
const noWebRtc = toModule(`export const ${['RTCPeerConnection', 'RTCSessionDescription', 'RTCIceCandidate']
  .join(' = undefined, ')} = undefined`)
register(toModule(`export const resolve = (name, context, next) => name === 'webrtc-polyfill'
  ? { url: ${JSON.stringify(noWebRtc)}, shortCircuit: true } : next(name, context)`))
const { default: WebTorrent } = await import('webtorrent')

function toModule (source) {
  return 'data:text/javascript,' + encodeURIComponent(source)
}

const ADDRESS = '127.0.0.1'

const { values: options } = parseArgs({
  options: {
    torrent: { type: 'string' },
    connect: { type: 'string' },
    transport: { type: 'string', default: 'tcp' },
    secure: { type: 'boolean', default: false },
    failures: { type: 'string', default: '100' },
    quiet: { type: 'string', default: '2' },
    'time-limit': { type: 'string', default: '60' }
  }
})

const emit = (event, values) => console.log(JSON.stringify({ event, ...values }))

const folder = await mkdtemp(path.join(tmpdir(), 'webtorrent-'))
const client = new WebTorrent({
  utp: options.transport === 'utp',
  secure: options.secure,
  tracker: false, dht: false, lsd: false, utPex: false, natUpnp: false, natPmp: false, webSeeds: false
})
let quietTimer = null

function end (reason, status = 0) {
  emit('done', { reason })
  client.destroy(async () => {
    await rm(folder, { recursive: true })
    process.exit(status)
  })
}

function fail (error) {
  emit('error', { raw: String(error.message ?? error) })
  end('error', 1)
}

function stillAlive () {
  clearTimeout(quietTimer)
  quietTimer = setTimeout(end, options.quiet * 1000, 'quiet')
}

/** Report all that matters on a connection. */
function watch (wire) {
  const identity = { address: ADDRESS, peer: `${wire.remoteAddress}:${wire.remotePort}` }
  const log = (event, values) => {
    stillAlive()
    emit(event, { ...identity, ...values })
  }
  logReceived(wire, log)
  logRequests(wire, log, Number(options.failures))
}

process.on('SIGTERM', () => end('stopped'))
setTimeout(end, options['time-limit'] * 1000, 'stopped').unref()
client.on('error', fail)
emit('version', { version: `WebTorrent ${WebTorrent.VERSION}` })
client.add(readFileSync(options.torrent), { path: folder, announce: [] }, torrent => {
  emit('listening', { address: ADDRESS, port: client.torrentPort })
  torrent.on('wire', watch)
  torrent.on('done', () => end('complete'))
  torrent.addPeer(options.connect)
  stillAlive()
})
