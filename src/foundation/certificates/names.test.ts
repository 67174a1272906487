import { describe, expect, it } from 'vitest';
import { hasAlternativeName } from './alternative-names.ts';
import { distinguishedName, subjectName } from './distinguished-name.ts';

describe('a distinguished name', () => {
  it.each<[string, string]>([
    ['CN=billing', 'CN=billing'],
    ['CN=billing,O=Harbour,C=GB', 'C=GB\nO=Harbour\nCN=billing'],
    [' cn=billing , O=Harbour', 'O=Harbour\nCN=billing'],
    ['UID=7+CN=two', 'CN=two + UID=7'],
    ['CN=Billing\\, Ltd.', 'CN=Billing\\, Ltd.'],
    ['CN=Billing\\2C Ltd.', 'CN=Billing\\, Ltd.'],
    ['CN=S\\C3\\B6hne', 'CN=Söhne'],
    ['CN=one \\+ two', 'CN=one \\+ two'],
    ['CN=ends in a space\\ ', 'CN=ends in a space\\ '],
    ['CN=a=b', 'CN=a=b'],
    ['2.5.4.97=NTRGB-1', '2.5.4.97=NTRGB-1'],
    ['CN=😀,O=x', 'O=x\nCN=😀'],
  ])('%s is the subject %j', (written, subject) => {
    expect(distinguishedName(written)).toBe(subjectName(subject));
    expect(distinguishedName(written)).toEqual(expect.any(String));
  });

  it.each<[string, string]>([
    ['CN=billing,O=Harbour', 'CN=billing\nO=Harbour'],
    ['CN=billing', 'CN=Billing'],
    ['CN=billing', 'CN=billing\nO=Harbour'],
    ['CN=billing,O=Harbour', 'CN=billing\\,O=Harbour'],
    ['CN=a+O=b', 'O=b\nCN=a'],
    ['CN=a,O=b', 'O=b + CN=a'],
  ])('%s is not the subject %j', (written, subject) => {
    expect(distinguishedName(written)).not.toBe(subjectName(subject));
  });

  it.each(['', 'billing', 'CN=', '=billing', 'CN=a,', ',CN=a', 'CN="a"', 'CN=#0401', 'CN=a\\', 'C N=a'])(
    '%j is none',
    (written) => expect(distinguishedName(written)).toBeUndefined(),
  );
});

describe('another name of a certificate', () => {
  const names =
    'DNS:a.example, URI:"https://x.example/?a, DNS:b.example", IP Address:FE80:0:0:0:0:0:0:1, email:Me@A.example';
  it.each([
    ['dns', 'A.example'],
    ['uri', 'https://x.example/?a, DNS:b.example'],
    ['ip', 'fe80::1'],
    ['email', 'Me@a.example'],
  ] as const)('of kind %s is found', (kind, name) => expect(hasAlternativeName(names, kind, name)).toBe(true));

  it.each([
    ['dns', 'b.example'],
    ['dns', 'b.example"'],
    ['uri', 'a.example'],
    ['ip', 'no address'],
    ['email', 'me@a.example'],
  ] as const)('of kind %s is not %s', (kind, name) => expect(hasAlternativeName(names, kind, name)).toBe(false));

  it.each([undefined, '', 'DNS:a.example, "', 'x', 'DNS:a.example;DNS:b.example'])('is not found in %j', (broken) =>
    expect(hasAlternativeName(broken, 'dns', 'b.example')).toBe(false),
  );
});
