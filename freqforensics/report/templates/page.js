(function () {
  // A figure is enlarged by a click or by Enter.
  var box = document.querySelector("dialog");
  if (box && box.showModal) {
    var picture = box.querySelector("img");
    document.querySelectorAll("figure img").forEach(function (img) {
      img.tabIndex = 0;
      function open() { picture.src = img.src; picture.alt = img.alt; box.showModal(); }
      img.addEventListener("click", open);
      img.addEventListener("keydown", function (event) {
        if (event.key === "Enter") { event.preventDefault(); open(); }
      });
    });
    box.addEventListener("click", function () { box.close(); });
  }
  // A link into a folded part unfolds it.
  function unfold() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var node = target; node; node = node.parentElement) { if (node.tagName === "DETAILS") { node.open = true; } }
    if (target) { target.scrollIntoView(); }
  }
  addEventListener("hashchange", unfold);
  // All is unfolded in print, and as it was after it.
  var opened = [];
  addEventListener("beforeprint", function () {
    opened = [].slice.call(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (details) { details.open = true; });
  });
  addEventListener("afterprint", function () { opened.forEach(function (details) { details.open = false; }); });
  // The numbers in the page can be saved as a file.
  var save = document.getElementById("save"), data = document.getElementById("data");
  if (save && data) {
    save.hidden = false;
    save.addEventListener("click", function () {
      var link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([JSON.stringify(JSON.parse(data.textContent), null, 2) + "\n"],
        { type: "application/json" }));
      link.download = save.dataset.name;
      link.click();
    });
  }
})();
