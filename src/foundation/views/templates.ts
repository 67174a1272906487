import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pug from 'pug';
import { type MailName, mailNames } from './mails.ts';
import { type PageName, pageNames } from './pages.ts';

/** Makes the text of one page, or of one form of a mail. */
export type Template = (locals: object) => string;

export type MailForm = 'subject' | 'html' | 'text';

/** The templates, each read when first asked for. Throws what is wrong with it. */
export interface Templates {
  readonly page: (name: PageName) => Template;
  readonly mail: (name: MailName, form: MailForm) => Template;
}

const mailForms = ['subject', 'html', 'text'] as const satisfies readonly MailForm[];

const pageSource = (name: PageName): string => `include /${name}`;
/** A mail is written once, in pieces whose form stands in `mail/parts`. */
const mailSource = (name: MailName, form: MailForm): string => `include /mail/parts/${form}\ninclude /mail/${name}`;

const mailFile = (name: MailName, form: MailForm): string => `mail/${name}.${form}`;

const require = createRequire(import.meta.url);

/** Not imported: the build needs it, and who runs from the sources. It takes more memory than all pages. */
const compiler = (): typeof pug => require('pug') as typeof pug;

const settings = (viewsDir: string) => ({
  basedir: viewsDir,
  doctype: 'html',
  compileDebug: false,
  filename: join(viewsDir, 'view.pug'),
});

/** Where the build keeps what it made of the templates; from the sources there is no such folder. */
const builtBeside = fileURLToPath(new URL('../../templates/', import.meta.url));

/** Templates as the build left them in `built`, or else compiled from `viewsDir`, which takes a second for all of them. */
export function openTemplates(viewsDir: string, built: string = builtBeside): Templates {
  const known = new Map<string, Template>();
  const isBuilt = existsSync(built);
  const open = (file: string, source: () => string): Template => {
    let template = known.get(file);
    if (template === undefined) {
      template = isBuilt
        ? (require(join(built, `${file}.cjs`)) as Template)
        : compiler().compile(source(), settings(viewsDir));
      known.set(file, template);
    }
    return template;
  };
  return {
    page: (name) => open(name, () => pageSource(name)),
    mail: (name, form) => open(mailFile(name, form), () => mailSource(name, form)),
  };
}

/** Makes a module of every template, for the build. Throws for one that is broken or missing, and names it. */
export function buildTemplates(viewsDir: string, folder: string): void {
  const { compileClient } = compiler();
  const build = (file: string, source: string): void => {
    const path = join(folder, `${file}.cjs`);
    mkdirSync(dirname(path), { recursive: true });
    const code = compileClient(source, { ...settings(viewsDir), name: 'template', inlineRuntimeFunctions: false });
    writeFileSync(path, `const pug = require('pug-runtime');\n${code}\nmodule.exports = template;\n`);
  };
  for (const name of pageNames) build(name, pageSource(name));
  for (const name of mailNames) for (const form of mailForms) build(mailFile(name, form), mailSource(name, form));
}
