// `helm test`: whether the CRD is served, the operator's ServiceAccount may read runs, and a replica leads.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [account, runsPath, leasePath] = process.argv.slice(1);
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const authorization = `Bearer ${readFileSync(`${account}/token`, 'utf8')}`;

async function get(path) {
  const address = host.includes(':') ? `[${host}]` : host;
  const response = await fetch(`https://${address}:${port}${path}`, { headers: { authorization } });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function check() {
  await get(`${runsPath}?limit=1`);
  const { holderIdentity = '', renewTime, leaseDurationSeconds } = (await get(leasePath)).spec;
  const age = (Date.now() - Date.parse(renewTime)) / 1000;
  if (holderIdentity === '' || age > leaseDurationSeconds)
    throw new Error(`nobody leads: the Lease was last renewed ${Math.round(age)} s ago by "${holderIdentity}"`);
  return `the API serves CftRuns, and ${holderIdentity} leads`;
}

// After an upgrade the next leader may have to wait for the Lease to run out.
for (const deadline = Date.now() + 60_000; ; await sleep(2000)) {
  try {
    console.log(await check());
    break;
  } catch (error) {
    if (Date.now() > deadline) throw error;
  }
}
