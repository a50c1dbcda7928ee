/** Native <dialog>: focus stays inside, Escape closes, the page behind is inert. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./button.tsx";
import { kit } from "./words.ts";

interface DialogProps {
  open: boolean;
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  small?: boolean;
  sheet?: boolean;
}

export function Dialog({ open, ...rest }: DialogProps) {
  return open ? <Shown {...rest} /> : null;
}

function Shown({ title, onClose, children, small, sheet }: Omit<DialogProps, "open">) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const d = box.current;
    d?.showModal();
    // Closed before it leaves the page: so the focus goes back to where it was.
    return () => d?.close();
  }, []);
  return (
    <dialog ref={box} class={sheet ? "sheet" : small ? "dialog dialog--small" : "dialog"} aria-labelledby={id}
      onCancel={(e) => { if (e.target === box.current) { e.preventDefault(); onClose(); } }}
      onClick={(e) => { if (e.target === box.current) onClose(); }}>
      <div class="dialog__head">
        <h2 id={id}>{title}</h2>
        <IconButton name={kit.value.close} icon="x" onClick={onClose} />
      </div>
      <div class="dialog__body">{children}</div>
    </dialog>
  );
}

export function SideSheet(props: Omit<DialogProps, "sheet" | "small">) {
  return <Dialog {...props} sheet />;
}

/** A dangerous act: the sentence names what will be lost, the button names the act, and the safe way out has the focus. */
export function Confirm({ open, title, children, act, danger = true, onAct, onClose }: {
  open: boolean; title: string; children: ComponentChildren; act: string; danger?: boolean; onAct: () => Promise<void> | void; onClose: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    try { await onAct(); } finally { setBusy(false); }
  };
  return (
    <Dialog open={open} title={title} onClose={onClose} small>
      {children}
      <div class="dialog__acts">
        <Button onClick={onClose} autofocus>{kit.value.cancel}</Button>
        <Button look={danger ? "danger" : "primary"} busy={busy} onClick={() => void go()}>{act}</Button>
      </div>
    </Dialog>
  );
}
