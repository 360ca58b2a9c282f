// Refuses addresses that are nobody's business outside (SSRF): by what a name resolves to at the moment of connecting,
// so that a name cannot be one address when it is looked at and another when it is used.
import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, and multicast. */
const REFUSED = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local: metadata of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '::/96', // unspecified, loopback, IPv4-compatible
  '::ffff:0:0/96', // IPv4-mapped
  '64:ff9b::/96', // IPv4 behind NAT64
  '64:ff9b:1::/48', // the same, local
  '100::/64', // discard
  '2001::/23', // Teredo and other assignments
  '2001:db8::/32', // documentation
  '2002::/16', // IPv4 behind 6to4
  '3fff::/20', // documentation
  '5f00::/16', // segment routing
  'fc00::/7', // unique local
  'fe80::/10', // link-local
  'fec0::/10', // site-local
  'ff00::/8', // multicast
];

/** One each: in a common list the range of mapped addresses is every IPv4 address. */
const refused = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const range of REFUSED) {
  const [network = '', prefix] = range.split('/');
  const family = familyOf(network);
  refused[family].addSubnet(network, Number(prefix), family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** An address of a range above. The message names no address: it may be read by who chose the name. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress';

  constructor() {
    super('its address is loopback, private or otherwise not public, and webhooks.refusePrivateAddresses is on');
  }
}

export function isRefusedAddress(address: string): boolean {
  const family = familyOf(address);
  return refused[family].check(address, family);
}

/** @throws RefusedAddress for a URL with a literal address, which is never looked up. */
export function refuseLiteral({ hostname }: URL): void {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && isRefusedAddress(host)) throw new RefusedAddress();
}

/** As dns.lookup, without the refused addresses; fails when none is left. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (err, addresses) => {
    if (err !== null) {
      callback(err, '', 0);
      return;
    }
    const allowed = addresses.filter(({ address }) => !isRefusedAddress(address));
    const [first] = allowed;
    if (first === undefined) callback(new RefusedAddress(), '', 0);
    else if (options.all === true) callback(null, allowed satisfies LookupAddress[]);
    else callback(null, first.address, first.family);
  });
};
