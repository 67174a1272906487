import { encode } from 'uqr';

/** A QR code as one path on a grid of `size` modules, for an SVG that needs no style of its own (strict CSP). */
export interface QrDrawing {
  readonly size: number;
  readonly path: string;
}

/** Draws a text. The quiet zone of four modules (ISO/IEC 18004) is part of the grid. */
export function drawQr(text: string): QrDrawing {
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  const path = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('');
  return { size, path };
}
