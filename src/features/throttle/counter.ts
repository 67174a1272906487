/** How many failures within which time (milliseconds). */
export interface Rule {
  readonly limit: number;
  readonly windowMs: number;
}

/**
 * A count of failures that drains evenly, `limit` of them within `windowMs`: the time (milliseconds since the epoch) at
 * which it will be empty. It holds back once it is full, and lets one more in whenever one has drained. Unlike a count
 * per quarter of an hour it has no edge at which a guesser gets two portions at once.
 */
export type EmptyAt = number;

/** How long one failure takes to drain. */
const portion = ({ limit, windowMs }: Rule): number => Math.ceil(windowMs / limit);

/** How long what is in it takes to drain, at most as long as a full one: not even a clock that was set back locks out for more. */
function rest(counter: EmptyAt | undefined, rule: Rule, now: number): number {
  return counter === undefined ? 0 : Math.min(Math.max(0, counter - now), portion(rule) * rule.limit);
}

/** How many failures are in it. */
export const fill = (counter: EmptyAt | undefined, rule: Rule, now: number): number =>
  Math.ceil(rest(counter, rule, now) / portion(rule));

/** Milliseconds until another attempt fits; 0 when it fits now. */
export const waitAt = (counter: EmptyAt | undefined, rule: Rule, now: number): number =>
  Math.max(0, rest(counter, rule, now) - portion(rule) * (rule.limit - 1));

/** The counter with one failure more. */
export const raise = (counter: EmptyAt | undefined, rule: Rule, now: number): EmptyAt =>
  now + rest(counter, rule, now) + portion(rule);

/** The counter with one failure less: an attempt that was counted in advance went well. */
export const lower = (counter: EmptyAt | undefined, rule: Rule, now: number): EmptyAt =>
  now + Math.max(0, rest(counter, rule, now) - portion(rule));
