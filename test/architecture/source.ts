import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const project = join(import.meta.dirname, '../..');
const source = join(project, 'src');

export interface Import {
  /** Relative to src for our own files, otherwise the package's name. */
  readonly target: string;
  /** Erased at run time. */
  readonly typeOnly: boolean;
}

/** Our own files below src, without tests and generated code, relative to src. */
export const files: readonly string[] = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('generated/'),
);

/** The text of a file below src. */
export const read = (file: string): string => readFileSync(join(source, file), 'utf8');

/** The text without comments, for rules about code. */
export const code = (file: string): string => read(file).replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');

const importing =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?[^'";]*?from\s*['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;

/** What a file imports or re-exports. */
export const importsOf = (file: string): Import[] =>
  [...code(file).matchAll(importing)].map(([, , type, from, dynamic, bare]) => {
    const path = from ?? dynamic ?? bare ?? '';
    return {
      target: path.startsWith('.') ? relative('', join(dirname(file), path)) : path,
      typeOnly: type !== undefined,
    };
  });

/** The files of src that the rule finds fault with. */
export const offenders = (
  fault: (text: string) => boolean,
  except: (file: string) => boolean = () => false,
): string[] => files.filter((file) => !except(file) && fault(code(file)));

/** The text of any file of the project. */
export const readCommitted = (file: string): string => readFileSync(join(project, file), 'utf8');

/** Which feature may import which, as declared. */
export const declared: Readonly<Record<string, readonly string[]>> = JSON.parse(read('features/dependencies.json'));

/** The features that exist: folders with something in them. */
export const rooms: readonly string[] = [
  ...new Set(files.filter((file) => file.startsWith('features/')).map((file) => file.split('/')[1] ?? '')),
];

export interface Table {
  readonly room: string;
  /** As Prisma's client calls it. */
  readonly model: string;
  /** As SQL calls it. */
  readonly name: string;
}

/** The tables of the data model; the file they stand in names the feature that owns them. */
export const tables: readonly Table[] = readdirSync(join(project, 'prisma/model')).flatMap((file) =>
  [...readCommitted(`prisma/model/${file}`).matchAll(/^model (\w+) \{[\s\S]*?@@map\("(\w+)"\)/gm)].map(
    ([, model = '', name = '']) => ({
      room: file.replace('.prisma', ''),
      model: model.charAt(0).toLowerCase() + model.slice(1),
      name,
    }),
  ),
);
