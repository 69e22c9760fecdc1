/** The microphones and loudspeakers the browser lets the page choose from. */

export interface Devices {
  readonly microphones: readonly MediaDeviceInfo[];
  readonly speakers: readonly MediaDeviceInfo[];
}

export const NO_DEVICES: Devices = { microphones: [], speakers: [] };

/** Those with a name: without permission the browser shows none. */
export async function listDevices(): Promise<Devices> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const named = devices.filter((device) => device.deviceId && device.label);
  const speakers = "setSinkId" in HTMLMediaElement.prototype ? named : [];
  return {
    microphones: named.filter((device) => device.kind === "audioinput"),
    speakers: speakers.filter((device) => device.kind === "audiooutput"),
  };
}

export function onDevicesChanged(listener: () => void): () => void {
  navigator.mediaDevices?.addEventListener("devicechange", listener);
  return () => navigator.mediaDevices?.removeEventListener("devicechange", listener);
}
