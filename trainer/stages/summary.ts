import { join, relative } from 'node:path';
import type { Stage, StageResult } from '../../crds/stage.ts';

/** A result for people: how long it took, its numbers, what it made and what to know about it. */
export function describeResult(stage: Stage, result: StageResult): string {
  const seconds = (Date.parse(result.completionTime) - Date.parse(result.startTime)) / 1000;
  const rows = [
    ...Object.entries(result.metrics).map(([name, value]) => [name, formatNumber(value)] as const),
    ...Object.entries(result.artifacts).map(
      ([name, path]) => [name, relative('', join(stage.runDir, path)) || '.'] as const,
    ),
  ];
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const notes = result.message === undefined ? [] : result.message.split('\n').map((note) => `  note: ${note}`);
  const lines = [
    `${stage.name} ${result.status} in ${seconds.toFixed(1)} s`,
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...notes,
  ];
  return `${lines.join('\n')}\n`;
}

function formatNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
