import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first: whichever began last would keep one worker busy alone at the end. */
const longest = [
  'pages/looks',
  'e2e/federation',
  'e2e/every-page',
  'e2e/journeys',
  'pages/words',
  'commands/shapes',
  'races/races',
  'e2e/account-journey',
  'operations/start',
  'e2e/start-again',
  'races/kills',
  'commands/apply',
].map((name) => `/test/${name}.test.ts`);

/** Runs projects in their order, and in each of them the files known to take long first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;

function rankOf({ moduleId }: TestSpecification): number {
  const rank = longest.findIndex((path) => moduleId.endsWith(path));
  return rank === -1 ? longest.length : rank;
}
