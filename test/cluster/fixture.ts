import { hasBinaries, provideBinaries } from './binaries.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { crd, World } from './world.ts';

/** Whether tests on a cluster run here: its programs are built already, or CFT_CLUSTER_TESTS=1 asks to build them, which takes minutes. */
export const hasCluster = hasBinaries() || process.env.CFT_CLUSTER_TESTS === '1';

/** Time for {@link startWorld}, builds included, in milliseconds. */
export const START_TIMEOUT = 900_000;

/** Starts a cluster with the CRD, and a namespace in it. */
export async function startWorld(namespace: string): Promise<{ cluster: TestCluster; world: World }> {
  await provideBinaries();
  const cluster = await startCluster();
  const world = new World(cluster.kubeconfig, namespace);
  world.prepare();
  await world.installCrd('cftruns.cft.dev', crd());
  return { cluster, world };
}
