import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Finds the address of the caller. */
export type ClientIp = (peer: string | undefined, forwardedFor: string | undefined) => string | undefined;

/** Chains are short; a longer one is an attempt to keep us busy. */
const chainLimit = 50;
/** Peers whose address is remembered. */
const peerLimit = 1000;

/**
 * The caller's address in canonical text (IPv4 in IPv6 as IPv4): the peer of the connection, unless that is one of the
 * trusted networks (CIDR). Then `X-Forwarded-For` is walked from the right, where our proxies write, to the first address
 * that is not theirs. What stands left of it was written by the caller, who would otherwise choose the address that
 * limits and audit see. A malformed entry ends the walk: the last address that is certain counts.
 */
export function createClientIp(trustProxy: readonly string[]): ClientIp {
  const { isTrusted, readPeer } = createPeers(trustProxy);

  return (peer, forwardedFor) => {
    let certain = peer === undefined ? undefined : readPeer(peer);
    if (certain === undefined) return undefined;
    if (trustProxy.length === 0 || forwardedFor === undefined) return certain.toString();
    const chain = forwardedFor.split(',', chainLimit + 1);
    if (chain.length > chainLimit) return certain.toString();
    while (isTrusted(certain) && chain.length > 0) {
      const next = parse(chain.pop()?.trim());
      if (next === undefined) break;
      certain = next;
    }
    return certain.toString();
  };
}

/** Whether the peer of a connection is one of the trusted networks (CIDR). */
export function createTrustedPeers(trustProxy: readonly string[]): (peer: string | undefined) => boolean {
  const { isTrusted, readPeer } = createPeers(trustProxy);
  return (peer) => {
    const address = peer === undefined ? undefined : readPeer(peer);
    return address !== undefined && isTrusted(address);
  };
}

function createPeers(trustProxy: readonly string[]) {
  const networks = trustProxy.map((network) => ipaddr.parseCIDR(network));
  const isTrusted = (address: Address): boolean =>
    networks.some(([network, bits]) => network.kind() === address.kind() && address.match([network, bits] as never));
  const peers = new Map<string, Address | undefined>();
  /** A peer calls again and again, on a connection that stays open: it is read once. */
  const readPeer = (peer: string): Address | undefined => {
    if (peers.has(peer)) return peers.get(peer);
    if (peers.size >= peerLimit) peers.clear();
    const address = parse(peer);
    peers.set(peer, address);
    return address;
  };
  return { isTrusted, readPeer };
}

/** An address as proxies write it: four decimals or IPv6, with a port or in brackets. Nothing that needs guessing. */
function parse(text: string | undefined): Address | undefined {
  if (text === undefined || text.length > 64) return undefined;
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text.replace(/^(\d+(?:\.\d+){3}):\d{1,5}$/, '$1');
  const known = ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare);
  return known ? ipaddr.process(bare.replace(/%.*$/, '')) : undefined;
}
