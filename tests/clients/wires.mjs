// Two npm bittorrent-protocol wires with lt_donthave, joined by a TCP connection on loopback.
//
//   node wires.mjs [--fast] [--both] [--absent] [--linger SECONDS] [--other-extensions N]
//                  [--address A] [--connect-address A] [--port P]
//
// The serving wire has all pieces of the sample torrent, and the asking wire requests blocks of some. Pieces that are
// lost are disowned from within the request handler, as in the README of lt_donthave. The steps in `play` cover what
// that library promises: outstanding requests fail, others do not; a DontHave counts only for a piece that the peer
// had; a Have takes it back. With --both the two wires play both parts at the same time.
//
//   --absent               both ends lack a piece from the start, and disown it all the same: the other ignores that
//   --linger SECONDS       leave the connection open for so long when all is said
//   --fast                 both ends offer the Fast extension (BEP 6)
//   --other-extensions N   the connecting end registers N other extensions first, so lt_donthave gets the id N + 1
//   --address, --port      where to listen; --connect-address: where to connect from
//
// Prints one JSON line per event, each with `client` (who saw it), its address, and `peer` (the other end):
// request, block, request_failed, donthave (with ignored: true where the library ignores it), reject, donthave_sent, and
// available (pieces that the peer has, as far as is known: at each DontHave that counts, and at the end).

import net from 'node:net'
import { parseArgs } from 'node:util'
import BitField from 'bitfield'
import Protocol from 'bittorrent-protocol'
import ltDontHave from 'lt_donthave'
import { logReceived } from './received.mjs'

const PIECES = 16
const BLOCK = 0x4000
const BLOCKS_PER_PIECE = 4
const ABSENT = [4, 12] // one that each direction of `play` has for itself
const TIME_LIMIT = 30_000
const SETTLE = 200 // ms, on loopback plenty for all that is on its way
const INFO_HASH = Buffer.from('bep 54 sample wires!')

const { values: options } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    linger: { type: 'string', default: '0' },
    absent: { type: 'boolean', default: false },
    both: { type: 'boolean', default: false },
    'other-extensions': { type: 'string', default: '0' },
    address: { type: 'string', default: '127.0.0.1' },
    'connect-address': { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' }
  }
})

const emit = (event, values) => console.log(JSON.stringify({ event, ...values }))
const settle = (milliseconds = SETTLE) => new Promise(resolve => setTimeout(resolve, milliseconds))

function blockContent (piece) {
  const line = `piece ${piece} of a torrent made for captures of BEP 54`.padEnd(63, '.') + '\n'
  return Buffer.from(line.repeat(BLOCK / line.length))
}

function otherExtension (name) {
  class Other {}
  Other.prototype.name = name
  return Other
}

/** One end of the connection: a wire, the pieces that it has lost, and a line of output for all that it sees. */
class End {
  constructor (name, socket, extensionsBefore) {
    const identity = { client: name, address: socket.localAddress, peer: `${socket.remoteAddress}:${socket.remotePort}` }
    this.log = (event, values) => emit(event, { ...identity, ...values })
    this.lost = new Set()
    this.disowned = new Set()
    this.wire = new Protocol()
    for (let i = 1; i <= extensionsBefore; i++) this.wire.use(otherExtension(`other_${i}`))
    this.wire.use(ltDontHave())
    this.ready = this.start(name)
    this.listen()
    socket.pipe(this.wire).pipe(socket)
  }

  start (name) {
    const { wire } = this
    wire.handshake(INFO_HASH, Buffer.from(`-XX0000-${name}`.padEnd(20, '.')), { fast: options.fast })
    const ready = Promise.all([
      new Promise(resolve => wire.once('unchoke', resolve)),
      new Promise(resolve => wire.once('bitfield', resolve))
    ])
    wire.once('extended', () => { // the peer's extension handshake: our own is on its way too
      const all = new BitField(PIECES)
      for (let piece = 0; piece < PIECES; piece++) all.set(piece, !(options.absent && ABSENT.includes(piece)))
      wire.bitfield(all)
      wire.interested()
      wire.unchoke()
    })
    return ready
  }

  listen () {
    this.wire.on('request', (piece, begin, length, respond) => this.serve(piece, respond))
    logReceived(this.wire, this.log)
    this.wire.lt_donthave.on('donthave', () => this.logAvailable())
  }

  logAvailable () {
    const pieces = Array.from({ length: PIECES }, (_, piece) => piece)
    this.log('available', { pieces: pieces.filter(piece => this.wire.peerPieces.get(piece)) })
  }

  serve (piece, respond) {
    if (!this.lost.has(piece)) return respond(null, blockContent(piece))
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

  /** Ask for the first blocks of a piece, or all of them. Resolves when each has been answered, one way or the other. */
  ask (piece, blocks = BLOCKS_PER_PIECE) {
    const answers = []
    for (let i = 0; i < blocks; i++) {
      const block = { piece, begin: i * BLOCK, length: BLOCK }
      this.log('request', block)
      answers.push(new Promise(resolve => this.wire.request(piece, block.begin, BLOCK, error => {
        if (error) this.log('request_failed', { ...block, error: error.message })
        else this.log('block', block)
        resolve()
      })))
    }
    return Promise.all(answers)
  }
}

/** What happens from one end to the other; firstPiece keeps the two directions apart. */
async function play (asker, owner, firstPiece) {
  const [kept, lost, unasked, back, absent] = [0, 1, 2, 3, 4].map(i => firstPiece + i)
  owner.lost.add(lost).add(back)
  await asker.ask(kept)
  await Promise.all([asker.ask(lost), asker.ask(kept, 1), asker.ask(back, 2)]) // in one go: three pieces outstanding
  await settle()
  owner.dontHave(unasked) // nothing is outstanding
  owner.dontHave(unasked) // redundant: the asker ignores it
  if (options.absent) owner.dontHave(absent)
  await settle()
  owner.have(back)
  await settle()
  await asker.ask(back, 2)
  await settle()
  asker.logAvailable()
}

async function main () {
  const timeLimit = setTimeout(() => {
    emit('error', { raw: 'time limit' })
    process.exit(1)
  }, TIME_LIMIT)
  process.on('SIGTERM', () => process.exit(0))
  const server = net.createServer()
  await new Promise(resolve => server.listen(Number(options.port), options.address, resolve))
  const { port } = server.address()
  emit('listening', { address: options.address, port })

  const accepted = new Promise(resolve => server.once('connection', resolve))
  const socket = net.connect({ host: options.address, port, localAddress: options['connect-address'] })
  await new Promise(resolve => socket.once('connect', resolve))
  const connecting = new End('connecting', socket, Number(options['other-extensions']))
  const listening = new End('listening', await accepted, 0)
  await Promise.all([connecting.ready, listening.ready])

  const plays = [play(connecting, listening, 0)]
  if (options.both) plays.push(play(listening, connecting, 8))
  await Promise.all(plays)
  await settle(options.linger * 1000)

  connecting.wire.destroy()
  listening.wire.destroy()
  server.close()
  clearTimeout(timeLimit)
  emit('done', { reason: 'complete' })
}

await main()
