/**
 * One data model, three Prisma schemas: prisma/model/*.prisma → prisma/.build/<engine>/schema.prisma.
 * A trailing note such as `// @mysql:db.VarChar(320)` becomes the native type on that engine and vanishes on the others.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ENGINES = ['sqlite', 'postgresql', 'mysql'];
export const prismaFolder = new URL('../', import.meta.url);

const NOTE = /^(.*?)\s*\/\/\s*(@(?:sqlite|postgresql|mysql):.*)$/;

/** All models as one text, in the order of their file names. */
export function readModels() {
  const folder = new URL('model/', prismaFolder);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.prisma'))
    .sort();
  return files
    .map((name) => readFileSync(new URL(name, folder), 'utf8').trim())
    .join('\n\n')
    .concat('\n');
}

/** The schema of one engine: data source, generator, and the models with that engine's native types. */
export function schemaFor(engine, models) {
  return `${header(engine)}\n${models
    .split('\n')
    .map((line) => withNativeType(line, engine))
    .join('\n')}`;
}

function header(engine) {
  return `datasource db {
  provider = "${engine}"
}

generator client {
  provider               = "prisma-client"
  output                 = "../../../src/generated/${engine}"
  runtime                = "nodejs"
  moduleFormat           = "esm"
  generatedFileExtension = "ts"
  importFileExtension    = "ts"
  compilerBuild          = "fast"
}
`;
}

function withNativeType(line, engine) {
  const [, code, notes] = NOTE.exec(line) ?? [];
  if (notes === undefined) return line;
  const native = new RegExp(`@${engine}:(db\\.\\w+(?:\\([^)]*\\))?)`).exec(notes)?.[1];
  return native === undefined ? code : `${code} @${native}`;
}

/** Writes the three schemas; returns their paths by engine. */
export function render() {
  const models = readModels();
  return Object.fromEntries(
    ENGINES.map((engine) => {
      const folder = new URL(`.build/${engine}/`, prismaFolder);
      mkdirSync(folder, { recursive: true });
      const file = new URL('schema.prisma', folder);
      writeFileSync(file, schemaFor(engine, models));
      return [engine, fileURLToPath(file)];
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) render();
