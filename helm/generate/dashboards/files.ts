import { fleetDashboard } from './fleet.ts';
import { operatorDashboard } from './operator.ts';
import { runDashboard } from './run.ts';

/** The dashboards of the chart: path to content. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['helm/dashboards/fleet.json', fleetDashboard()],
    ['helm/dashboards/run.json', runDashboard()],
    ['helm/dashboards/operator.json', operatorDashboard()],
  ]);
}
