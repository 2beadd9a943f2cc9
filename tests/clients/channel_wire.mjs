// Joins a wire of bittorrent-protocol with a WebRTC data channel, in Node or in a browser.

const MOST = 0x4000 // bytes that every implementation takes as one message

/**
 * What the wire says goes to the channel and what comes from the channel to the wire, until either ends.
 *
 * A message of the channel is what the wire wrote at once. With a size it is that many bytes of all that was written
 * since the last turn of the event loop, so messages of BitTorrent share one, and span several.
 */
export function join (wire, channel, size = 0) {
  let waiting = []

  function send (data, most) {
    for (let at = 0; at < data.length; at += most) channel.send(data.slice(at, at + most))
  }

  function sendWaiting () {
    const all = new Uint8Array(waiting.reduce((sum, data) => sum + data.length, 0))
    waiting.reduce((at, data) => {
      all.set(data, at)
      return at + data.length
    }, 0)
    waiting = []
    if (channel.readyState === 'open') send(all, size)
  }

  channel.binaryType = 'arraybuffer'
  channel.onmessage = ({ data }) => wire.write(new Uint8Array(data))
  channel.onclose = () => wire.destroy()
  wire.on('close', () => channel.close())
  wire.on('data', data => {
    if (channel.readyState !== 'open') return
    if (!size) return send(data, MOST)
    if (!waiting.length) setTimeout(sendWaiting)
    waiting.push(data)
  })
}
