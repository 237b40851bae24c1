"""Run by a Python that has Blender's module: opens a file of a mesh and draws its base colour from a camera.

Arguments: the file, the image, its side in pixels, the vertical field of view in radians, and the camera's place in
the world (y up), row after row. Prints, as JSON, what Blender found.
"""

import json
import math
import sys

import bpy
import mathutils

IMPORTERS = {
    "glb": lambda path: bpy.ops.import_scene.gltf(filepath=path),
    "obj": lambda path: bpy.ops.wm.obj_import(filepath=path),
    "ply": lambda path: bpy.ops.wm.ply_import(filepath=path, up_axis="Y", forward_axis="NEGATIVE_Z"),
    "stl": lambda path: bpy.ops.wm.stl_import(filepath=path, up_axis="Y", forward_axis="NEGATIVE_Z"),
    "usdz": lambda path: bpy.ops.wm.usd_import(filepath=path),
}


def main(path, image, side, fovy, *world_from_camera):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    IMPORTERS[path.rsplit(".", 1)[1]](path)
    meshes = [each.data for each in bpy.data.objects if each.type == "MESH"]
    facts = {
        "vertices": sum(len(mesh.vertices) for mesh in meshes),
        "faces": sum(len(mesh.polygons) for mesh in meshes),
        "images": {each.name: list(each.size) for each in bpy.data.images},
        "into": sorted({link.to_socket.name for each in bpy.data.materials for link in each.node_tree.links}),
    }
    for material in bpy.data.materials:
        glow(material)
    draw(image, int(side), float(fovy), [float(value) for value in world_from_camera])
    print(json.dumps(facts))


def glow(material):
    """Show the base colour without light."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    base = next(node for node in nodes if node.type == "BSDF_PRINCIPLED").inputs["Base Color"]
    if base.links:
        emission = nodes.new("ShaderNodeEmission")
        links.new(base.links[0].from_socket, emission.inputs["Color"])
        output = next(node for node in nodes if node.type == "OUTPUT_MATERIAL")
        links.new(emission.outputs["Emission"], output.inputs["Surface"])


def draw(image, side, fovy, world_from_camera):
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 16
    scene.cycles.use_denoising = False
    scene.cycles.pixel_filter_type = "BOX"
    scene.render.resolution_x = scene.render.resolution_y = side
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("white")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    camera = bpy.data.cameras.new("camera")
    camera.sensor_fit, camera.angle = "VERTICAL", fovy
    holder = bpy.data.objects.new("camera", camera)
    z_up = mathutils.Matrix.Rotation(math.pi / 2, 4, "X")
    holder.matrix_world = z_up @ mathutils.Matrix([world_from_camera[4 * i : 4 * i + 4] for i in range(4)])
    scene.collection.objects.link(holder)
    scene.camera = holder
    scene.render.filepath = image
    bpy.ops.render.render(write_still=True)


main(*sys.argv[1:])
