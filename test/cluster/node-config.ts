import { join } from 'node:path';

/** Holds a pod's network. Containerd names it where it starts a pod. */
export const PAUSE_IMAGE = 'cft-test-pause:1';

/** Containerd without what the machines that run tests may lack: cgroups of their own, AppArmor, special file systems. */
export function containerdConfig(directory: string): string {
  return `version = 2
root = "${directory}/containerd"
state = "${directory}/containerd-state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "${directory}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${directory}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "crun"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
        BinaryName = "${directory}/crun"
        Root = "${directory}/crun-state"
`;
}

/** A kubelet that leaves cgroups and the machine's network rules alone and throws no images away. */
export function kubeletConfig(directory: string, pki: string): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    healthzPort: 0,
    containerRuntimeEndpoint: `unix://${directory}/containerd.sock`,
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: join(pki, 'ca.crt') } },
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    resolvConf: '',
    // Nobody answers there: pods find what they need by address.
    clusterDNS: ['10.96.0.10'],
    nodeStatusUpdateFrequency: '5s',
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '0%' },
    volumePluginDir: join(directory, 'volume-plugins'),
    podLogsDir: join(directory, 'pod-logs'),
  });
}

/** A network of the pods of this node alone. They are reached from the machine, and reach it. */
export function podNetwork(directory: string, bridge: string): string {
  const ipam = { type: 'host-local', ranges: [[{ subnet: '10.88.0.0/24' }]], dataDir: join(directory, 'ipam') };
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [{ type: 'bridge', bridge, isGateway: true, isDefaultGateway: true, hairpinMode: true, ipam }],
  });
}
