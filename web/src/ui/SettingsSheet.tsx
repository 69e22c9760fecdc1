import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Icon } from "./Icon";

/** The settings over the page, where there is no room beside it: opening them moves nothing. */
export function SettingsSheet({ children }: { children: ComponentChildren }) {
  const sheet = useRef<HTMLDialogElement>(null);
  const close = () => sheet.current?.close();
  return (
    <>
      <button
        type="button"
        class="button-plain"
        aria-label="Settings"
        aria-haspopup="dialog"
        onClick={() => sheet.current?.showModal()}
      >
        <Icon name="settings" />
      </button>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: from the keyboard Esc closes a dialog */}
      <dialog
        ref={sheet}
        class="sheet"
        aria-label="Settings"
        onClick={(event) => event.target === sheet.current && close()}
      >
        <div class="sheet-body">
          <button
            type="button"
            class="button-plain sheet-close"
            aria-label="Close settings"
            onClick={close}
          >
            <Icon name="close" />
          </button>
          {children}
        </div>
      </dialog>
    </>
  );
}
