import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { makeAuthority, makeCertificate } from '../../../test/kit/client-certificates.ts';
import { temporaryFolder } from '../../../test/kit/services/folder.ts';
import { until } from '../../../test/kit/until.ts';
import { createClientCertificates } from './client-certificates.ts';
import { openIssuers } from './issuers.ts';

const folder = temporaryFolder('issuers');
afterAll(() => folder.remove());
const day = 24 * 60 * 60 * 1000;
const at = (later: number) => ({ now: () => Date.now() + later });

describe('a certificate in a header', () => {
  const { cert } = makeCertificate();
  const shown = (later: number, from = '10.0.0.1') => {
    const certificates = createClientCertificates({ clock: at(later), header: 'X-Cert', trustProxy: ['10.0.0.0/8'] });
    const request = { headers: { 'x-cert': encodeURIComponent(cert) }, socket: { remoteAddress: from } };
    certificates.receive(request as unknown as IncomingMessage);
    expect(request.headers).toEqual({});
    return certificates.read(request as unknown as IncomingMessage);
  };

  it('counts while its dates are right', () => {
    expect(shown(60_000)?.subject).toBe(new X509Certificate(cert).subject);
    expect([shown(-day), shown(8 * day)]).toEqual([undefined, undefined]);
  });

  it('counts from trusted proxies, however their address is written', () => {
    expect(shown(60_000, '::ffff:10.0.0.1')).toBeDefined();
    expect([shown(60_000, '11.0.0.1'), shown(60_000, '')]).toEqual([undefined, undefined]);
  });
});

describe('authorities', () => {
  const [one, other] = [makeAuthority(), makeAuthority('/CN=Other authority')];
  const ofOne = new X509Certificate(makeCertificate({ by: one, days: 30 }).cert);
  const ofOther = new X509Certificate(makeCertificate({ by: other }).cert);
  const file = join(folder.path, 'ca.pem');
  const open = (later: number, onUnusable: (error: unknown) => void = () => {}) =>
    openIssuers({ clock: at(later), file, onUnusable });

  it('are read again when their file changes, and stay as they were when it is broken', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    writeFileSync(file, one.cert);
    const unusable = vi.fn();
    const issuers = open(60_000, unusable);
    expect([ofOne, ofOther].map(issuers.haveIssued)).toEqual([true, false]);
    const some = (what: string, is: () => boolean) =>
      until(what, () => {
        vi.advanceTimersByTime(10_000);
        return is();
      });
    writeFileSync(file, `${one.cert}${other.cert}`);
    await some('the other one counts', () => issuers.haveIssued(ofOther));
    writeFileSync(file, 'nothing');
    await some('the broken file is told', () => unusable.mock.calls.length > 0);
    expect([ofOne, ofOther].map(issuers.haveIssued)).toEqual([true, true]);
    issuers.close();
    vi.useRealTimers();
  });

  it('count while their own dates are right', () => {
    writeFileSync(file, `${one.cert}${other.cert}`);
    const known = open(60_000);
    const late = open(8 * day);
    expect([ofOne, ofOther].map(known.haveIssued)).toEqual([true, true]);
    expect([ofOne, ofOther].map(late.haveIssued)).toEqual([false, false]);
    for (const issuers of [known, late]) issuers.close();
  });

  it('are none without a file, and a file without any is refused', () => {
    expect(openIssuers({ clock: at(0), file: undefined, onUnusable() {} }).haveIssued(ofOne)).toBe(false);
    writeFileSync(file, 'nothing');
    expect(() => open(0)).toThrow('no certificate');
  });
});
