// Two npm bittorrent-protocol wires with lt_donthave, joined by a TCP connection on loopback; what happens is in
// wire_end.mjs.
//
//   node wires.mjs [--fast] [--both] [--absent] [--linger SECONDS] [--other-extensions N]
//                  [--address A] [--connect-address A] [--port P]
//
//   --both                 the two wires play both parts at the same time
//   --absent               both ends lack a piece from the start, and disown it all the same: the other ignores that
//   --linger SECONDS       leave the connection open for so long when all is said
//   --fast                 both ends offer the Fast extension (BEP 6)
//   --other-extensions N   the connecting end registers N other extensions first, so lt_donthave gets the id N + 1
//   --address, --port      where to listen; --connect-address: where to connect from
//
// Prints one JSON line per event, each with `client` (who saw it), its address, and `peer` (the other end).

import net from 'node:net'
import { parseArgs } from 'node:util'
import { End, play, settle } from './wire_end.mjs'

const TIME_LIMIT = 30_000

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

function endOf (name, socket, extensionsBefore) {
  const peer = `${socket.remoteAddress}:${socket.remotePort}`
  const log = (event, values) => emit(event, { client: name, address: socket.localAddress, peer, ...values })
  const { fast, absent } = options
  const end = new End(name, log, { fast, absent, extensionsBefore })
  socket.pipe(end.wire).pipe(socket)
  return end
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
  const connecting = endOf('connecting', socket, Number(options['other-extensions']))
  const listening = endOf('listening', await accepted, 0)
  await play(connecting, listening, options)
  await settle(options.linger * 1000)

  connecting.wire.destroy()
  listening.wire.destroy()
  server.close()
  clearTimeout(timeLimit)
  emit('done', { reason: 'complete' })
}

await main()
