const PATHS = {
  microphone: "M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3z M6 11a6 6 0 0 0 12 0 M12 17v4",
  muted:
    "M9 5.5A3 3 0 0 1 15 6v5 M15 14a3 3 0 0 1-6-2V9 M6 11a6 6 0 0 0 9.5 4.9 M18 11a6 6 0 0 1-.4 2 M12 17v4 M4 3l16 18",
  end: "M3.5 14.5c5-5 12-5 17 0l-2.2 2.4-3.3-1.4v-2.6a9.5 9.5 0 0 0-6 0v2.6l-3.3 1.4z",
  call: "M5 4h4l1.5 4.5-2.3 1.7a12 12 0 0 0 5.6 5.6l1.7-2.3L20 15v4a1.5 1.5 0 0 1-1.6 1.5A15 15 0 0 1 3.5 5.6 1.5 1.5 0 0 1 5 4z",
  send: "M4 12h15 M13 6l6 6-6 6",
  settings:
    "M4 8h8 M17 8h3 M14.5 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z M4 16h3 M12 16h8 M9.5 13.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z",
  copy: "M9 9h10v11H9z M15 9V4H5v11h4",
  download: "M12 4v11 M7 10.5l5 5 5-5 M5 20h14",
  sound: "M5 10v4 M9 7v10 M13 4v16 M17 8v8 M21 10.5v3",
  close: "M6 6l12 12 M18 6L6 18",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
