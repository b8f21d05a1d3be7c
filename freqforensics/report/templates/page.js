(function () {
  var box = document.querySelector("dialog");
  if (!box || !box.showModal) { return; }
  var shown = box.querySelector("img");
  document.querySelectorAll("figure img").forEach(function (img) {
    img.tabIndex = 0;
    function open() { shown.src = img.src; shown.alt = img.alt; box.showModal(); }
    img.addEventListener("click", open);
    img.addEventListener("keydown", function (event) {
      if (event.key === "Enter") { event.preventDefault(); open(); }
    });
  });
  box.addEventListener("click", function () { box.close(); });
})();
