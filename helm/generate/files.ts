import { crdTemplate } from './crd-template.ts';
import { fleetDashboard } from './dashboards/fleet.ts';
import { operatorDashboard } from './dashboards/operator.ts';
import { runDashboard } from './dashboards/run.ts';

/** The generated files of the chart: path in it to content. */
export function chartFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['templates/crd.yaml', crdTemplate()],
    ['dashboards/fleet.json', fleetDashboard()],
    ['dashboards/run.json', runDashboard()],
    ['dashboards/operator.json', operatorDashboard()],
  ]);
}
