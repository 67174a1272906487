import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '../kit/services/folder.ts';
import { AuditRows, assertAudited, readCounters } from './counters.ts';
import type { Measurement, Reply, Task } from './generator.ts';
import { layIn, type Material } from './material.ts';
import { type Plan, planFrom, type WorkloadName } from './plan.ts';
import {
  isPinned,
  measureStarts,
  onCore,
  posternEnvironment,
  type Server,
  startBare,
  startPostern,
} from './servers.ts';
import { type Pair, ratioOf, startTable, tableOf } from './table.ts';
import { workloads } from './workloads.ts';

/*
 * `npm run bench`: Postern as shipped beside bare oidc-provider, in one run. Each measurement of one is followed by the
 * same of the other, so that whatever else the machine does touches both; what counts is the ratio.
 */

/** Everything that a measurement needs. */
interface Bench {
  readonly plan: Plan;
  readonly material: Material;
  readonly bare: Server;
  readonly postern: Server;
  readonly audit: AuditRows;
  readonly ask: (task: Task) => Promise<Measurement>;
}

/** The process that makes the load, on a core of its own. */
function startGenerator(): { ask: Bench['ask']; stop: () => void } {
  const [command, args] = onCore(1, [process.execPath, join(import.meta.dirname, 'generator.ts')]);
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return {
    ask: (task) =>
      new Promise((resolve, reject) => {
        const ended = () => reject(new Error('the generator ended'));
        child.once('exit', ended);
        child.once('message', (reply: Reply) => {
          child.removeListener('exit', ended);
          if ('error' in reply) reject(new Error(`${task.workload} at ${task.server.name}: ${reply.error}`));
          else resolve(reply.measurement);
        });
        child.send(task);
      }),
    stop: () => child.disconnect(),
  };
}

const taskOf = ({ plan, material }: Bench, server: Server, workload: WorkloadName, isFirst: boolean): Task => ({
  server: { name: server.name, port: server.port, issuer: server.issuer, pid: server.pid },
  material,
  workload,
  connections: plan.connections,
  warmUp: isFirst ? plan.warmUp : { operations: null, seconds: Math.min(0.5, plan.warmUp.seconds) },
  measureMs: plan.seconds * 1000,
});

/** Postern's measurement with what it counted. Throws when its audit is not exactly what was done. */
async function measurePostern(bench: Bench, workload: WorkloadName, isFirst: boolean) {
  const { postern, audit } = bench;
  const before = await readCounters(postern);
  const measurement = await bench.ask(taskOf(bench, postern, workload, isFirst));
  const after = await readCounters(postern);
  assertAudited(measurement.all, workloads[workload].audited, audit.take());
  return {
    measurement,
    statements: (after.statements - before.statements) / measurement.all,
    commits: (after.commits - before.commits) / measurement.all,
  };
}

async function measurePair(bench: Bench, workload: WorkloadName, round: number): Promise<Pair> {
  const isFirst = round === 0;
  const measureBare = () => bench.ask(taskOf(bench, bench.bare, workload, isFirst));
  // Who comes first changes with every round: neither always meets the machine the other has just warmed.
  const early = round % 2 === 0 ? await measureBare() : undefined;
  const { measurement: postern, statements, commits } = await measurePostern(bench, workload, isFirst);
  return { workload, bare: early ?? (await measureBare()), postern, statements, commits };
}

async function measureAll(bench: Bench): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < bench.plan.rounds; round += 1) {
    for (const workload of bench.plan.workloads) {
      const pair = await measurePair(bench, workload, round);
      const [bare, postern] = [pair.bare.cpuMicroseconds.toFixed(0), pair.postern.cpuMicroseconds.toFixed(0)];
      console.error(`round ${round + 1} ${workload}: ${bare} / ${postern} µs = ${ratioOf(pair).toFixed(2)}`);
      pairs.push(pair);
    }
  }
  return pairs;
}

async function main(plan: Plan): Promise<void> {
  const folder = temporaryFolder('bench');
  const dist = plan.dist ?? join(import.meta.dirname, '../../dist');
  const env = await posternEnvironment(folder.path);
  const material = await layIn(env, folder.path);
  const materialPath = join(folder.path, 'material.json');
  writeFileSync(materialPath, JSON.stringify(material));
  const startBoth = { bare: () => startBare(materialPath, dist), postern: () => startPostern(env, dist) };
  const resting = {
    bare: await measureStarts(startBoth.bare, plan.starts),
    postern: await measureStarts(startBoth.postern, plan.starts),
  };
  const [bare, postern] = [await startBoth.bare(), await startBoth.postern()];
  const generator = startGenerator();
  const audit = new AuditRows(join(folder.path, 'postern.db'));
  try {
    const pairs = await measureAll({ plan, material, bare, postern, audit, ask: generator.ask });
    console.log(`${conditionsOf(plan)}\n\n${tableOf(pairs)}\n\n${startTable(resting.bare, resting.postern)}`);
  } finally {
    generator.stop();
    audit.close();
    await Promise.all([bare.stop(), postern.stop()]);
    folder.remove();
  }
}

/** Under which conditions the figures hold, in one sentence each. */
function conditionsOf(plan: Plan): string {
  const version = (name: string): string => {
    const text = readFileSync(join(import.meta.dirname, `../../node_modules/${name}/package.json`), 'utf8');
    return String((JSON.parse(text) as { version: string }).version);
  };
  const pinned = isPinned ? 'servers on core 0, generator on core 1' : 'not pinned to cores';
  return [
    `Node.js ${process.versions.node}, oidc-provider ${version('oidc-provider')}, argon2 ${version('argon2')}, ${process.platform} ${process.arch}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}).`,
    `${plan.rounds} rounds of ${plan.seconds} s a workload and server, ${plan.connections} requests in flight, ${pinned}. Median, and the range of the rounds' ratios.`,
  ].join('\n');
}

await main(planFrom(process.env));
