import { useEffect, useState } from "preact/hooks";
import { type Devices, listDevices, NO_DEVICES, onDevicesChanged } from "../call/devices";

/** The devices there are; read again when `permission` changes, which gives them names. */
export function useDevices(permission: unknown): Devices {
  const [devices, setDevices] = useState(NO_DEVICES);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the permission is what is waited for
  useEffect(() => {
    let wanted = true;
    const read = async () => {
      const found = await listDevices();
      if (wanted) setDevices(found);
    };
    void read();
    const forget = onDevicesChanged(() => void read());
    return () => {
      wanted = false;
      forget();
    };
  }, [permission]);
  return devices;
}
