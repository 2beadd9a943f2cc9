// werift's WebRTC, kept to one address and to itself, and closer to the browsers' interface: where a package wants
// 'webrtc-polyfill', it can be given this file.

import { RTCPeerConnection as Werift } from 'werift'

export { RTCIceCandidate } from 'werift'

/** A configuration with an address of loopback, which werift would leave out; port: of this end, or 0 for any. */
export function onlyAt (address, port = 0) {
  return {
    iceServers: [],
    iceUseIpv6: false,
    iceInterfaceAddresses: { udp4: address },
    iceAdditionalHostAddresses: [address],
    icePortRange: port ? [port, port + 1] : undefined // werift takes the first that is free
  }
}

export class RTCSessionDescription {
  constructor ({ type, sdp }) {
    Object.assign(this, { type, sdp })
  }
}

/** werift has this event, but does not know its handler. */
function withLowBufferHandler (channel) {
  channel.bufferedAmountLow.subscribe(() => channel.onbufferedamountlow?.())
  return channel
}

export class RTCPeerConnection extends Werift {
  constructor (config) {
    super(config)
    this.onDataChannel.subscribe(withLowBufferHandler)
  }

  createDataChannel (...details) {
    return withLowBufferHandler(super.createDataChannel(...details))
  }

  /** Descriptions are objects that may be changed, as simple-peer does. */
  async createOffer () {
    return new RTCSessionDescription(await super.createOffer())
  }

  async createAnswer () {
    return new RTCSessionDescription(await super.createAnswer())
  }

  /** simple-peer takes one that has a parameter for the callback of old browsers. */
  async getStats () {
    return super.getStats()
  }

  /** Without a STUN server of its own, werift would ask Google's. */
  async setLocalDescription (description) {
    for (const transport of this.iceTransports) transport.connection.stunServer = undefined
    return super.setLocalDescription(description)
  }
}

/** Address and port of the other end, as the packets have them. */
export const peerOf = connection => connection.iceTransports[0].connection.nominated.remoteAddr.join(':')
