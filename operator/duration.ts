/** A duration for people: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return join([Math.floor(whole / 60), 'min'], [whole % 60, 's']);
  return join([Math.floor(whole / 3600), 'h'], [Math.floor((whole % 3600) / 60), 'min']);
}

function join([first, unit]: readonly [number, string], [second, small]: readonly [number, string]): string {
  return second === 0 ? `${first} ${unit}` : `${first} ${unit} ${second} ${small}`;
}
