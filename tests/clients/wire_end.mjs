// One end of a connection between two npm bittorrent-protocol wires with lt_donthave, and what happens between the
// two.
//
// Used over TCP (wires.mjs) and over WebRTC (webrtc_wires.mjs, and browser_peers.mjs in a browser), so nothing here
// is Node's alone.
//
// The serving wire has all pieces of the sample torrent, and the asking wire requests blocks of some. Pieces that are
// lost are disowned from within the request handler, as in the README of lt_donthave. The steps in `play` cover what
// that library promises: outstanding requests fail, others do not; a DontHave counts only for a piece that the peer
// had; a Have takes it back.
//
// Events, for the log of an end: request, block, request_failed, donthave (with ignored: true where the library
// ignores it), reject, donthave_sent, and available (pieces that the peer has, as far as is known: at each DontHave
// that counts, and at the end).

import BitField from 'bitfield'
import Protocol from 'bittorrent-protocol'
import ltDontHave from 'lt_donthave'
import { logReceived } from './received.mjs'

const PIECES = 16
const BLOCK = 0x4000
const BLOCKS_PER_PIECE = 4
const ABSENT = [4, 12] // one that each direction of `play` has for itself
const SETTLE = 200 // ms, on loopback plenty for all that is on its way

const bytes = text => new TextEncoder().encode(text)
const INFO_HASH = bytes('bep 54 sample wires!')

/** A promise for some time later; without an argument, when all that is on its way on loopback has come. */
export const settle = (milliseconds = SETTLE) => new Promise(resolve => setTimeout(resolve, milliseconds))

function blockContent (piece, length) {
  const line = `piece ${piece} of a torrent made for captures of BEP 54`.padEnd(63, '.') + '\n'
  return bytes(line.repeat(length / line.length))
}

function otherExtension (name) {
  class Other {}
  Other.prototype.name = name
  return Other
}

/**
 * A wire, the pieces that it has lost, and a call of log(event, values) for all that it sees.
 *
 * The options: fast, to offer the Fast extension (BEP 6); absent, to lack a piece from the start; extensionsBefore,
 * how many other extensions to register before lt_donthave; block, the bytes of a block; type, of the wire. Join the
 * wire with a connection right away; `ready` resolves when both ends may ask.
 */
export class End {
  constructor (name, log, { fast = false, absent = false, extensionsBefore = 0, block = BLOCK, type } = {}) {
    this.log = log
    this.block = block
    this.lost = new Set()
    this.disowned = new Set()
    this.wire = new Protocol(type)
    for (let i = 1; i <= extensionsBefore; i++) this.wire.use(otherExtension(`other_${i}`))
    this.wire.use(ltDontHave())
    this.ready = this.start(name, fast, absent)
    this.listen()
  }

  start (name, fast, absent) {
    const { wire } = this
    wire.handshake(INFO_HASH, bytes(`-XX0000-${name}`.padEnd(20, '.')), { fast })
    const ready = Promise.all([
      new Promise(resolve => wire.once('unchoke', resolve)),
      new Promise(resolve => wire.once('bitfield', resolve))
    ])
    wire.once('extended', () => { // the peer's extension handshake: our own is on its way too
      const all = new BitField(PIECES)
      for (let piece = 0; piece < PIECES; piece++) all.set(piece, !(absent && ABSENT.includes(piece)))
      wire.bitfield(all)
      wire.interested()
      wire.unchoke()
    })
    return ready
  }

  listen () {
    this.wire.on('request', (piece, begin, length, respond) => this.serve(piece, length, respond))
    logReceived(this.wire, this.log)
    this.wire.lt_donthave.on('donthave', () => this.logAvailable())
  }

  logAvailable () {
    const pieces = Array.from({ length: PIECES }, (_, piece) => piece)
    this.log('available', { pieces: pieces.filter(piece => this.wire.peerPieces.get(piece)) })
  }

  serve (piece, length, respond) {
    if (!this.lost.has(piece)) return respond(null, blockContent(piece, length))
    if (!this.disowned.has(piece)) this.dontHave(piece)
    respond(new Error('lost'))
  }

  dontHave (piece) {
    this.disowned.add(piece)
    this.log('donthave_sent', { piece })
    this.wire.lt_donthave.donthave(piece)
  }

  have (piece) {
    this.lost.delete(piece)
    this.disowned.delete(piece)
    this.wire.have(piece)
  }

  /** Ask for the first blocks of a piece, or all of them. Resolves when each was answered, one way or the other. */
  ask (piece, blocks = BLOCKS_PER_PIECE) {
    const answers = []
    for (let i = 0; i < blocks; i++) {
      const block = { piece, begin: i * this.block, length: this.block }
      this.log('request', block)
      answers.push(new Promise(resolve => this.wire.request(piece, block.begin, block.length, error => {
        if (error) this.log('request_failed', { ...block, error: error.message })
        else this.log('block', block)
        resolve()
      })))
    }
    return Promise.all(answers)
  }
}

/** What happens from one end to the other; firstPiece keeps the two directions apart. */
async function playOneWay (asker, owner, firstPiece, absent) {
  const [kept, lost, unasked, back, missing] = [0, 1, 2, 3, 4].map(i => firstPiece + i)
  owner.lost.add(lost).add(back)
  await asker.ask(kept)
  await Promise.all([asker.ask(lost), asker.ask(kept, 1), asker.ask(back, 2)]) // in one go: three pieces outstanding
  await settle()
  owner.dontHave(unasked) // nothing is outstanding
  owner.dontHave(unasked) // redundant: the asker ignores it
  if (absent) owner.dontHave(missing)
  await settle()
  owner.have(back)
  await settle()
  await asker.ask(back, 2)
  await settle()
  asker.logAvailable()
}

/** The whole story between two ends. The options: both, to play it in both directions; absent, as for the ends. */
export async function play (asker, owner, { both = false, absent = false } = {}) {
  await Promise.all([asker.ready, owner.ready])
  const plays = [playOneWay(asker, owner, 0, absent)]
  if (both) plays.push(playOneWay(owner, asker, 8, absent))
  await Promise.all(plays)
}
