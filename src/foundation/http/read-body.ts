import type { IncomingMessage } from 'node:http';

/**
 * The whole body; undefined when it is larger than `limit` bytes, however it was announced. Rejects with an error of
 * status 400 when it was cut off.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const settle = (end: () => void) => {
      request.removeListener('data', take).removeListener('end', whole).removeListener('close', cutOff);
      end();
    };
    const take = (chunk: Buffer) => {
      received += chunk.length;
      chunks.push(chunk);
      if (received > limit) settle(() => resolve(undefined));
    };
    const whole = () => settle(() => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, received)));
    const cutOff = () => settle(() => reject(Object.assign(new Error('the request was cut off'), { status: 400 })));
    // It may have been cut off before anybody listened.
    if (request.closed) cutOff();
    else request.on('data', take).on('end', whole).on('close', cutOff);
  });
}
