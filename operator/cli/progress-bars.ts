import { MultiBar, type SingleBar } from 'cli-progress';
import type { Stage } from '../../crds/stage.ts';
import { formatDuration } from '../duration.ts';
import { type RunView, secondsOf } from './progress-lines.ts';

const BAR_STEPS = 1000;

/**
 * A run as one progress bar a stage, on a terminal.
 *
 * @param stages all of the run, for the width of their names
 */
export function progressBars(stream: NodeJS.WritableStream, stages: readonly Stage[]): RunView {
  const width = Math.max(...stages.map(({ name }) => name.length));
  const multi = new MultiBar({
    stream,
    format: '{stage} {bar} {text}',
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    barsize: 30,
    hideCursor: true,
    linewrap: false,
    fps: 5,
    gracefulExit: false,
    emptyOnZero: true,
  });
  const bars = new Map<string, SingleBar>();
  const show = ({ name }: Stage, ratio: number | undefined, text: string) => {
    const payload = { stage: name.padEnd(width), text };
    const bar = bars.get(name) ?? multi.create(BAR_STEPS, 0, payload);
    bars.set(name, bar);
    if (ratio === undefined) bar.update(payload);
    else bar.update(Math.round(ratio * BAR_STEPS), payload);
  };
  const note = (line: string) => void multi.log(`${line}\n`);
  return {
    note,
    skipped: (stage) => show(stage, 1, 'done before'),
    started: (stage, attempt) => show(stage, 0, attempt === 1 ? 'starting' : `starting, attempt ${attempt}`),
    endpoint: () => {},
    progress: (stage, { phase, done, total, ratio, etaSeconds }) => {
      const left = etaSeconds === null ? '' : `, ${formatDuration(etaSeconds)} left`;
      show(stage, ratio, total === 0 ? phase : `${phase} ${done}/${total}${left}`);
    },
    succeeded: (stage, result) => show(stage, 1, `done in ${formatDuration(secondsOf(result))}`),
    failed: (stage, message, retrySeconds) => {
      show(
        stage,
        undefined,
        retrySeconds === undefined ? 'failed' : `failed, next attempt in ${formatDuration(retrySeconds)}`,
      );
      if (retrySeconds !== undefined) note(`${stage.name}: ${message}`);
    },
    close: () => multi.stop(),
  };
}
