/**
 * Learning rate of an optimizer step: linear from 0 over the warm-up, then half a cosine down to 0, with the formula of
 * transformers' `get_cosine_schedule_with_warmup`: the first step of a warm-up has rate 0, the step after the last would.
 *
 * @param step        0 for the first optimizer step
 * @param totalSteps  optimizer steps of the whole training
 * @param warmupSteps see {@link warmupSteps}
 */
export function cosineWithWarmup(step: number, totalSteps: number, warmup: number, peak: number): number {
  if (step < warmup) return (peak * step) / Math.max(1, warmup);
  const progress = (step - warmup) / Math.max(1, totalSteps - warmup);
  return peak * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** Steps of warm-up for a share of the training, rounded up as Hugging Face's Trainer does. */
export function warmupSteps(totalSteps: number, ratio: number): number {
  return Math.ceil(totalSteps * ratio);
}
