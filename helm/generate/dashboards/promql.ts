/** The rate of a counter over the panel's interval, summed by labels. */
export function rateOf(metric: string, selector: string, by: string): string {
  return `sum by (${by}) (rate(${metric}{${selector}}[$__rate_interval]))`;
}

/** A quantile of a histogram over the panel's interval. */
export function quantileOf(quantile: number, metric: string, selector: string): string {
  return `histogram_quantile(${quantile}, ${rateOf(`${metric}_bucket`, selector, 'le')})`;
}
