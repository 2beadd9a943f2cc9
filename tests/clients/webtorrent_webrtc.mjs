// A WebTorrent seed that lost pieces, and a WebTorrent leecher, over WebRTC; prints what the leecher sees as JSON
// lines.
//
//   node webtorrent_webrtc.mjs --torrent FILE --files FOLDER [--lose PIECE]... [--failures N] [--quiet SECONDS]
//                              [--address A] [--connect-address A]
//
// WebRTC is werift's, in the place of the native module that WebTorrent would take. Both clients are in this process,
// which also carries their offer and answer: there is no tracker.
//
// WebTorrent never says by itself that a piece is lost, so its store does, when it is asked for one: a DontHave to
// all peers, and an error, upon which WebTorrent rejects the request. The leecher ends as webtorrent_leecher.mjs
// does, and its events are the same, each with the SCTP stream.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { register } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { logReceived, logRequests } from './received.mjs'
import { onlyAt, peerOf } from './werift_loopback.mjs'

const ours = new URL('werift_loopback.mjs', import.meta.url).href
register('data:text/javascript,' + encodeURIComponent(`export const resolve = (name, context, next) =>
  name === 'webrtc-polyfill' ? { url: ${JSON.stringify(ours)}, shortCircuit: true } : next(name, context)`))
const { default: SimplePeer } = await import('@thaunknown/simple-peer/lite.js')
const { default: WebTorrent } = await import('webtorrent')

const { values: options } = parseArgs({
  options: {
    torrent: { type: 'string' },
    files: { type: 'string' },
    lose: { type: 'string', multiple: true, default: [] },
    failures: { type: 'string', default: '20' },
    quiet: { type: 'string', default: '2' },
    'time-limit': { type: 'string', default: '60' },
    address: { type: 'string', default: '127.0.0.1' },
    'connect-address': { type: 'string', default: '127.0.0.2' }
  }
})

const emit = (event, values) => console.log(JSON.stringify({ event, ...values }))
const torrentFile = readFileSync(options.torrent)
const folder = await mkdtemp(path.join(tmpdir(), 'webtorrent-'))
const lost = new Set()
let quietTimer = null

async function end (reason, status = 0) {
  emit('done', { reason })
  await rm(folder, { recursive: true })
  process.exit(status)
}

function fail (error) {
  emit('error', { raw: String(error.stack ?? error) })
  end('error', 1)
}

function stillAlive () {
  clearTimeout(quietTimer)
  quietTimer = setTimeout(end, options.quiet * 1000, 'quiet')
}

/** The torrent of a new client that talks to nobody but the peers that it is given. */
function torrentOf (folder, more = {}) {
  const client = new WebTorrent({
    tracker: false, dht: false, lsd: false, utPex: false, natUpnp: false, natPmp: false, webSeeds: false, utp: false
  })
  client.on('error', fail)
  return new Promise(resolve => client.add(torrentFile, { path: folder, announce: [], ...more }, resolve))
}

/** Disown a piece as soon as it is asked for, once it is lost. */
function losing (torrent) {
  const { store } = torrent
  const get = store.get
  store.get = function (piece, range, callback) {
    if (!lost.has(piece)) return get.call(store, piece, range, callback)
    for (const wire of torrent.wires) wire.lt_donthave.donthave(piece)
    callback(new Error('lost'))
  }
}

function peerAt (address, initiator) {
  const peer = new SimplePeer({ initiator, config: onlyAt(address) })
  peer.on('error', fail)
  return peer
}

function watch (wire, peer) {
  const log = (event, values) => {
    const identity = { address: options['connect-address'], peer: peerOf(peer._pc), stream: peer._channel.id }
    stillAlive()
    emit(event, { ...identity, ...values })
  }
  logReceived(wire, log)
  logRequests(wire, log, Number(options.failures))
}

process.on('SIGTERM', () => end('stopped'))
setTimeout(fail, options['time-limit'] * 1000, 'time limit').unref()
emit('version', { version: `WebTorrent ${WebTorrent.VERSION}` })
const seed = await torrentOf(options.files)
if (!seed.done) await new Promise(resolve => seed.once('done', resolve))
losing(seed)
for (const piece of options.lose) lost.add(Number(piece))
const leecher = await torrentOf(folder)
const [connecting, listening] = [peerAt(options['connect-address'], true), peerAt(options.address, false)]
connecting.on('signal', data => listening.signal(data))
listening.on('signal', data => connecting.signal(data))
leecher.on('wire', wire => watch(wire, connecting))
leecher.on('done', () => end('complete'))
seed.addPeer(listening)
leecher.addPeer(connecting)
emit('listening', { address: options['connect-address'] })
stillAlive()
