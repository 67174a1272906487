/**
 * The probability that one of the second sample is larger than one of the first (area under the ROC curve, from the
 * rank sum; ties count half): 0.5 where the samples cannot be told apart, 0 or 1 where a glance is enough.
 */
export function auc(first: readonly number[], second: readonly number[]): number {
  const all = [...first.map((value) => ({ value, counts: 0 })), ...second.map((value) => ({ value, counts: 1 }))];
  all.sort((one, other) => one.value - other.value);
  let rankSum = 0;
  for (let begin = 0; begin < all.length; ) {
    let end = begin;
    while (end < all.length && all[end]?.value === all[begin]?.value) end += 1;
    // Equal values share the mean of their ranks, which start at 1.
    const rank = (begin + 1 + end) / 2;
    for (const { counts } of all.slice(begin, end)) rankSum += counts * rank;
    begin = end;
  }
  const pairs = first.length * second.length;
  return (rankSum - (second.length * (second.length + 1)) / 2) / pairs;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
};
