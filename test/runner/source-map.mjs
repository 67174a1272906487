const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The numbers of one segment of a source map: base 64, five bits a digit, least significant first, sign in the last bit. */
function numbersOf(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = digits.indexOf(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

/** Where each mapped position of the source (`line:column`, lines from 1) begins in the generated text, as an offset. */
export function offsetsBySource(map, generated) {
  const offsets = new Map();
  let lineStart = 0;
  let sourceLine = 0;
  let sourceColumn = 0;
  const lines = generated.split('\n');
  for (const [index, segments] of map.mappings.split(';').entries()) {
    let column = 0;
    for (const segment of segments === '' ? [] : segments.split(',')) {
      const [columns, , linesDown, columnsRight] = numbersOf(segment);
      column += columns;
      if (linesDown === undefined) continue;
      sourceLine += linesDown;
      sourceColumn += columnsRight;
      const position = `${sourceLine + 1}:${sourceColumn}`;
      if (!offsets.has(position)) offsets.set(position, lineStart + column);
    }
    lineStart += (lines[index]?.length ?? 0) + 1;
  }
  return offsets;
}
