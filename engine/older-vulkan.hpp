// older-vulkan.hpp: three names that llama.cpp's Vulkan backend uses and Vulkan's headers before 1.3.272 do not have, as
// those of Debian 12. They choose settings of a validation layer, which the image does not hold; engine/compile-vulkan puts
// this before every C++ source where it is needed. It must never be more than a structure that says "no settings".
#pragma once
#include <cstdint>
#include <vector>

namespace vk {
enum class LayerSettingTypeEXT : std::uint32_t { eBool32 = 0 };

struct LayerSettingEXT {
    const char *layer, *name;
    LayerSettingTypeEXT type;
    std::uint32_t count;
    const void *values;
};

// Laid out as VkLayerSettingsCreateInfoEXT, as it is linked into the chain that a loader walks.
struct LayerSettingsCreateInfoEXT {
    std::uint32_t type = 1000496000;
    const void *next = nullptr;
    std::uint32_t count = 0;
    const void *settings = nullptr;
    explicit LayerSettingsCreateInfoEXT(const std::vector<LayerSettingEXT> &) {}
};
}  // namespace vk
