import ipaddr from 'ipaddr.js';

/**
 * The part of an address that one subscriber holds: the address itself for IPv4, the /64 for IPv6. Whoever counts by
 * the whole IPv6 address can be walked around by anybody, who has 2^64 of them. Text that is no address stays as it is.
 */
export function addressBlock(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}
