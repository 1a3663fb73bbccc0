// The behaviour of controls that needs neither data nor words: confirmations, dialogs, menus, the focus and copying.

// A form's button named "confirm" asks its value before the form is sent (app/src/ui/confirm.rs).
addEventListener(
  "submit",
  (event) => {
    const { target: form, submitter: button } = event;
    if (button?.name !== "confirm") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const dialog = document.getElementById("confirm");
    const yes = dialog.querySelector("[value=yes]");
    dialog.querySelector("h2").textContent = button.value;
    yes.textContent = form.elements.label.value;
    yes.formMethod = "dialog";
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes" || !form.isConnected) return;
      button.removeAttribute("name");
      form.requestSubmit(button);
      button.name = "confirm";
    };
    dialog.close();
    dialog.showModal();
  },
  true,
);
