import { describe, expect, it } from 'vitest';
import { isProtocolPath, machineEndpoints, methodsOf, publicDocuments, routes } from './routes.ts';

describe('the paths of the protocol', () => {
  it('are all that it tells of, with what lies beneath those that people see', () => {
    for (const path of [...Object.values(routes), ...publicDocuments]) expect(isProtocolPath(path)).toBe(true);
    for (const path of ['/authorize/uid', '/logout/confirm', '/device/uid']) expect(isProtocolPath(path)).toBe(true);
  });

  it.each(['/', '/authorized', '/tokens', '/token/x', '/jwks/x', '/interaction/uid', '/.well-known/other'])(
    'are not %s',
    (path) => expect(isProtocolPath(path)).toBe(false),
  );

  it('say which methods they take', () => {
    for (const path of publicDocuments) expect(methodsOf(path)).toEqual(['GET', 'HEAD']);
    for (const path of machineEndpoints) expect(methodsOf(path)).toContain('POST');
    expect(methodsOf('/token')).toEqual(['POST']);
    expect(methodsOf('/authorize/uid')).toBeUndefined();
  });
});
