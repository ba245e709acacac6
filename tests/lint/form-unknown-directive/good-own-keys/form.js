if (option.getAttribute("data-show-gpus")) show("gpus");
