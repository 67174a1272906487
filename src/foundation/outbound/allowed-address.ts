import ipaddr from 'ipaddr.js';

/** Whether an outbound call may connect to this address. */
export type AllowedAddress = (address: string) => boolean;

/** Global unicast as IANA has assigned it; everything else in IPv6 is special, unassigned, or wraps an IPv4 address. */
const globalIpv6 = ipaddr.parseCIDR('2000::/3');

/**
 * Public addresses, and those of the given networks (CIDR). Without this, whoever may name a URL (a client's logout or
 * key address) could have us call what only we can reach: metadata services, databases, our own management port (SSRF).
 */
export function createAllowedAddress(allow: readonly string[]): AllowedAddress {
  const networks = allow.map((network) => ipaddr.parseCIDR(network));
  return (text) => {
    if (!ipaddr.isValid(text)) return false;
    // `process` unwraps ::ffff:a.b.c.d, which the kernel connects to as a.b.c.d.
    const address = ipaddr.process(text);
    if (
      networks.some(([network, bits]) => network.kind() === address.kind() && address.match([network, bits] as never))
    ) {
      return true;
    }
    if (address.range() !== 'unicast') return false;
    return address.kind() === 'ipv4' || address.match(globalIpv6 as never);
  };
}
