import { z } from 'zod';

/** A kind of authorization detail that an API understands (RFC 9396 §2). */
export interface DetailType {
  readonly type: string;
  /** The sentence that the consent page shows, with `{path.to.a.value}` for what the request says. */
  readonly description: string;
  /** JSON Schema of everything that a detail has beside `type`. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** A kind of detail and the API that it belongs to. */
export interface DetailTypeOfApi extends DetailType {
  readonly resource: string;
}

const placeholder = /\{([^{}]*)\}/g;
/** How long a text may be that stands in a sentence: what does not fit on a screen is not read. */
const longestShown = 200;
const largestSchema = 16 * 1024;

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a member of a schema's object has to be, if it must be there. */
function requiredMember(schema: unknown, name: string): unknown {
  if (!isObject(schema) || !isObject(schema['properties']) || !Array.isArray(schema['required'])) return undefined;
  return schema['required'].includes(name) && Object.hasOwn(schema['properties'], name)
    ? schema['properties'][name]
    : undefined;
}

/** Whether a value fits into a sentence: always there, one value, and short. */
function isShowable(schema: unknown): boolean {
  if (!isObject(schema)) return false;
  if (Array.isArray(schema['enum']) || ['string', 'number', 'boolean'].includes(typeof schema['const'])) return true;
  if (['number', 'integer', 'boolean'].includes(String(schema['type']))) return true;
  return schema['type'] === 'string' && Number(schema['maxLength']) <= longestShown;
}

function unshowable({ description, schema }: DetailType): string[] {
  const paths = [...description.matchAll(placeholder)].map(([, path = '']) => path);
  return paths.filter((path) => !isShowable(path.split('.').reduce(requiredMember, schema as unknown)));
}

/** What is wrong with the schema, as far as people could be asked to allow what they do not see. */
function schemaProblem(schema: Json): string | undefined {
  if (JSON.stringify(schema).length > largestSchema) return 'is larger than 16 KiB';
  if (schema['type'] !== 'object' || !isObject(schema['properties'])) return 'must be of an object, with properties';
  if (schema['additionalProperties'] !== false) return 'must say additionalProperties: false';
  if (Object.hasOwn(schema['properties'], 'type')) return 'must leave out type, which every detail has';
  try {
    z.fromJSONSchema(schema);
    return undefined;
  } catch (error) {
    return `is not understood: ${(error as Error).message}`;
  }
}

/** A kind of detail as an operator declares it (`resources[].authorization_details` of the seed file). */
export const detailTypeSchema = z
  .strictObject({
    type: z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'must be 1 to 128 printable characters'),
    description: z
      .string()
      .min(1)
      .max(500)
      .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not contain control characters'),
    schema: z.record(z.string(), z.unknown()),
  })
  .superRefine((declared, context) => {
    const problem = schemaProblem(declared.schema);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['schema'], message: problem });
    for (const path of unshowable(declared)) {
      const message = `{${path}} must be required by the schema, and a number, true or false, one of a list, or a text of at most ${longestShown} characters`;
      context.addIssue({ code: 'custom', path: ['description'], message });
    }
  });

/** Made once for as long as the API stays in memory. */
const compiled = new WeakMap<object, z.ZodType>();

/** Where a detail differs from its schema, or undefined. What it says is not repeated: it may be anything. */
export function detailProblem({ schema }: DetailType, { type: _type, ...members }: Json): string | undefined {
  const known = compiled.get(schema) ?? z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  compiled.set(schema, known);
  const issue = known.safeParse(members).error?.issues[0];
  if (issue === undefined) return undefined;
  const path = [...issue.path, ...(issue.code === 'unrecognized_keys' ? ['(more than it may have)'] : [])];
  return path.length === 0 ? 'it' : path.join('.');
}

const valueAt = (detail: unknown, name: string): unknown =>
  isObject(detail) && Object.hasOwn(detail, name) ? detail[name] : undefined;

/** Characters that nobody sees, and those that turn the direction of what stands beside them (Trojan source). */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/**
 * The sentence about one detail. Each value is isolated (U+2068 to U+2069), so that a right-to-left name cannot move
 * the amount that stands beside it.
 */
export const sentenceOf = ({ description }: DetailType, detail: Json): string =>
  description.replace(placeholder, (_, path: string) => {
    const value = path.split('.').reduce(valueAt, detail as unknown);
    return `\u2068${String(value).replace(unseen, ' ').trim()}\u2069`;
  });
