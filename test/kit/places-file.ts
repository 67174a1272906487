import { writeFileSync } from 'node:fs';
import ipaddr from 'ipaddr.js';

/** What a record of the file holds. */
export type MmdbValue = string | number | { readonly [key: string]: MmdbValue } | readonly MmdbValue[];

type Node = [Node | number | undefined, Node | number | undefined];

/** Writes a file in the MaxMind DB format (version 2.0): networks in CIDR notation, each with its record. */
export function writePlacesFile(
  path: string,
  networks: Readonly<Record<string, MmdbValue>>,
  madeAt = 1_790_000_000,
): void {
  const root: Node = [undefined, undefined];
  const pieces: Buffer[] = [];
  let length = 0;
  for (const [network, record] of Object.entries(networks)) {
    const data = encode(record);
    place(root, network, length);
    pieces.push(data);
    length += data.length;
  }
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: madeAt,
    database_type: 'Test-City',
    description: { en: 'made by a test' },
    ip_version: 6,
    languages: ['en'],
    node_count: count(root),
    record_size: 32,
  };
  const marker = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex');
  writeFileSync(path, Buffer.concat([tree(root), Buffer.alloc(16), ...pieces, marker, encode(metadata)]));
}

/** The record of a town as such files have them. */
export const town = (
  names: Readonly<Record<string, string>>,
  country: string,
  at: readonly [number, number],
): MmdbValue => ({
  city: { names },
  country: { iso_code: country, names: { en: country } },
  location: { latitude: at[0], longitude: at[1], accuracy_radius: 20 },
});

/** Bits of the network: IPv4 lies in the first part of the tree, ninety-six zeros deep. */
function place(root: Node, network: string, offset: number): void {
  const [address, bits] = ipaddr.parseCIDR(network);
  const bytes =
    address.kind() === 'ipv4' ? [...Array<number>(12).fill(0), ...address.toByteArray()] : address.toByteArray();
  const depth = address.kind() === 'ipv4' ? bits + 96 : bits;
  let node = root;
  for (let at = 0; at < depth; at += 1) {
    const side = (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) as 0 | 1;
    if (at === depth - 1) node[side] = offset;
    else {
      const next = node[side];
      const below: Node = typeof next === 'object' ? next : [undefined, undefined];
      node[side] = below;
      node = below;
    }
  }
}

const count = (node: Node): number =>
  1 + node.reduce<number>((sum, side) => sum + (typeof side === 'object' ? count(side) : 0), 0);

function tree(root: Node): Buffer {
  const nodes: Node[] = [root];
  const numbers = new Map<Node, number>([[root, 0]]);
  for (const node of nodes) {
    for (const side of node) {
      if (typeof side !== 'object') continue;
      numbers.set(side, nodes.length);
      nodes.push(side);
    }
  }
  const size = nodes.length;
  const bytes = Buffer.alloc(size * 8);
  for (const [index, node] of nodes.entries()) {
    for (const [side, next] of node.entries()) {
      const value = typeof next === 'object' ? numbers.get(next) : next === undefined ? size : size + 16 + next;
      bytes.writeUInt32BE(value ?? size, index * 8 + side * 4);
    }
  }
  return bytes;
}

const types = { string: 2, double: 3, uint32: 6, map: 7, array: 11 } as const;

function header(type: number, size: number): Buffer {
  const long = size >= 29;
  const first = ((type > 7 ? 0 : type) << 5) | (long ? 29 : size);
  return Buffer.from([first, ...(type > 7 ? [type - 7] : []), ...(long ? [size - 29] : [])]);
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([header(types.string, text.length), text]);
  }
  if (typeof value === 'number') return encodeNumber(value);
  if (Array.isArray(value)) return Buffer.concat([header(types.array, value.length), ...value.map(encode)]);
  const entries = Object.entries(value).map(([key, one]) => Buffer.concat([encode(key), encode(one as MmdbValue)]));
  return Buffer.concat([header(types.map, entries.length), ...entries]);
}

/** Counts are whole and not negative, and so are some degrees: readers take either for a number. */
function encodeNumber(value: number): Buffer {
  if (Number.isInteger(value) && value >= 0) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([header(types.uint32, 4), bytes]);
  }
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([header(types.double, 8), bytes]);
}
